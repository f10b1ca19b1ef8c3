import { describe, expect, it } from 'vitest';
import { Circuit } from './circuit.ts';

describe('the circuit of an endpoint', () => {
  it('opens after five failures in a row, lets one try after a pause, and closes with a success', () => {
    const circuit = new Circuit();
    for (let i = 0; i < 4; i++) circuit.failed(0);
    circuit.succeeded();
    for (let i = 0; i < 4; i++) circuit.failed(0);
    expect(circuit.limit(8, 0)).toBe(8);
    circuit.failed(0);
    expect([circuit.isOpen, circuit.limit(8, 0)]).toEqual([true, 0]);
    const pauseMs = circuit.pauseMs(0);
    expect(pauseMs).toBeGreaterThanOrEqual(500);
    expect(pauseMs).toBeLessThanOrEqual(1000);
    expect(circuit.limit(8, pauseMs)).toBe(1);
    circuit.succeeded();
    expect([circuit.isOpen, circuit.limit(8, 0), circuit.pauseMs(0)]).toEqual([false, 8, 0]);
  });

  it('waits longer after each try that failed, up to a minute, and not for what was under way when it opened', () => {
    const circuit = new Circuit();
    for (let i = 0; i < 40; i++) circuit.failed(0);
    expect(circuit.pauseMs(0)).toBeLessThanOrEqual(1000);
    let nowMs = 0;
    for (let i = 0; i < 10; i++) {
      nowMs += circuit.pauseMs(nowMs);
      circuit.failed(nowMs);
    }
    expect(circuit.pauseMs(nowMs)).toBeGreaterThanOrEqual(30_000);
    expect(circuit.pauseMs(nowMs)).toBeLessThanOrEqual(60_000);
  });
});
