export type Grade = 'excellent' | 'good' | 'fair' | 'poor';

/** Both have to hold: delivery latency below, deliveries a second above. */
const GRADES: readonly { readonly grade: Grade; readonly avgMs: number; readonly perSecond: number }[] = [
  { grade: 'excellent', avgMs: 10, perSecond: 1000 },
  { grade: 'good', avgMs: 50, perSecond: 500 },
  { grade: 'fair', avgMs: 100, perSecond: 100 },
];

export function gradeOf(avgMs: number, perSecond: number): Grade {
  return GRADES.find((one) => avgMs < one.avgMs && perSecond > one.perSecond)?.grade ?? 'poor';
}
