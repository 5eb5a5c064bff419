/** Lengths of time for people. */

/** '7.25 ms', '310 ms', '12.3 s', '4 min 05 s', '3 h 20 min' */
export function lengthOf(ms: number): string {
  if (ms < 9.995) return `${ms.toFixed(2)} ms`
  if (ms < 99.95) return `${ms.toFixed(1)} ms`
  if (ms < 999.5) return `${ms.toFixed(0)} ms`
  if (ms < 9995) return `${(ms / 1e3).toFixed(2)} s`
  if (ms < 99_950) return `${(ms / 1e3).toFixed(1)} s`
  const seconds = Math.round(ms / 1e3)
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
}

function two(n: number): string {
  return String(n).padStart(2, '0')
}
