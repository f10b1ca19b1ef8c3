export async function dev(_flags: { readonly timings?: boolean }): Promise<void> {
  throw new Error('dev');
}
