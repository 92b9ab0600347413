/** Text into sentences, and sentences into pieces that are synthesised in one go. Loses nothing. */

/** Half-open stretch of a text. */
export interface Span {
  begin: number
  end: number
}

const END = /[。！？!?；;…\n]/
const CLOSING = /[”’"'」』）)】》]/
const PAUSE = /[，,、：:\s]/
const SENTENCE_CHARS = 120
const FIRST_CHARS = 15

/** Sentences that tile `text`; a very long one is cut at a comma, or anywhere if it has none. */
export function sentencesOf(text: string): Span[] {
  const spans: Span[] = []
  let begin = 0
  let comma = 0
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (PAUSE.test(character)) comma = at + 1
    const ends = (END.test(character) || isFullStop(text, at)) && !END.test(text.charAt(at + 1)) && !CLOSING.test(text.charAt(at + 1))
    const closes = CLOSING.test(character) && at > begin && END.test(text.charAt(at - 1)) && !CLOSING.test(text.charAt(at + 1))
    const long = at + 1 - begin >= SENTENCE_CHARS
    if (!ends && !closes && !long) continue
    let end = long && !ends && !closes && comma > begin ? comma : at + 1
    if (isHighHalf(text, end - 1)) end += 1
    spans.push({ begin, end })
    begin = end
    at = Math.max(at, end - 1)
  }
  if (begin < text.length) spans.push({ begin, end: text.length })
  return joinSilent(text, spans)
}

/** Runs of whole sentences of at most `maxChars`; the first run is short, so that the sound begins soon. */
export function piecesOf(sentences: Span[], maxChars: number): Span[] {
  const pieces: Span[] = []
  sentences.forEach(({ begin, end }) => {
    const last = pieces[pieces.length - 1]
    const grows = last && (pieces.length > 1 || last.end - last.begin < FIRST_CHARS)
    if (last && grows && end - last.begin <= maxChars) last.end = end
    else pieces.push({ begin, end })
  })
  return pieces
}

/** Index of the span that holds `position`; the nearest one where none does. */
export function spanAt(spans: Span[], position: number): number {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((spans[middle] as Span).begin <= position) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}

// a full stop in English text, not a decimal point or a host's dot
function isFullStop(text: string, at: number): boolean {
  return text.charAt(at) === '.' && /^(\s|$)/.test(text.slice(at + 1, at + 2)) && /[a-z)”"]/i.test(text.charAt(at - 1))
}

// what has nothing to read (a blank line, a lone mark) goes with its neighbour: the server refuses it alone
function joinSilent(text: string, spans: Span[]): Span[] {
  const joined: Span[] = []
  let pending = -1
  for (const { begin, end } of spans) {
    const last = joined[joined.length - 1]
    if (hasSpeech(text.slice(begin, end))) {
      joined.push({ begin: pending < 0 ? begin : pending, end })
      pending = -1
    } else if (last) last.end = end
    else if (pending < 0) pending = begin
  }
  if (!joined.length && text.length) joined.push({ begin: 0, end: text.length })
  return joined
}

export function hasSpeech(text: string): boolean {
  return /[^\s\u2000-\u206f\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65!-\/:-@[-`{-~]/.test(text)
}

function isHighHalf(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  return unit >= 0xd800 && unit <= 0xdbff && at + 1 < text.length
}
