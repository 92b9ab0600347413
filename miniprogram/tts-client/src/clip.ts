/** A finished sound and when each stretch of the text is heard in it. */

/** Half-open stretch of the caller's text, in the units of `String.prototype.slice`, and its time in the sound. */
export interface Timing {
  beginMs: number
  endMs: number
  begin: number
  end: number
}

export interface Warning {
  begin: number
  end: number
  text: string
  message: string
}

export interface Clip {
  /** What an audio context can play: a local file, or the server's link where no file could be kept. */
  path: string
  /** The server's link; opens until `expiresMs`. */
  url: string
  expiresMs: number
  durationS: number
  timings: Timing[]
  /** Symbols that were not read out. */
  warnings: Warning[]
  /** Whether this phone, or the server, had it already. */
  cached: 'phone' | 'server' | ''
  requestId: string
}

/** The server counts Unicode characters, JavaScript counts halves of some: 𠮷 is one there and two here. */
export function unitsOf(text: string): (position: number) => number {
  const starts: number[] = []
  let at = 0
  let astral = false
  for (const character of text) {
    starts.push(at)
    at += character.length
    astral = astral || character.length > 1
  }
  const whole = at
  if (!astral) return (position) => Math.min(position, whole)
  return (position) => (position < starts.length ? (starts[position] as number) : whole)
}

/** The server's timings, in our units. */
export function timingsOf(given: unknown, text: string): Timing[] {
  if (!Array.isArray(given)) return []
  const units = unitsOf(text)
  return given.map((timing) => ({
    beginMs: timing.begin_ms,
    endMs: timing.end_ms,
    begin: units(timing.begin),
    end: units(timing.end),
  }))
}

export function warningsOf(given: unknown, text: string): Warning[] {
  if (!Array.isArray(given)) return []
  const units = unitsOf(text)
  return given.map((warning) => ({ ...warning, begin: units(warning.begin), end: units(warning.end) }))
}

/** Which timing is heard at `ms`: the last that has begun; -1 before the first. */
export function timingAt(timings: Timing[], ms: number): number {
  let low = 0
  let high = timings.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((timings[middle] as Timing).beginMs <= ms) low = middle + 1
    else high = middle
  }
  return low - 1
}
