/**
 * Reads a text of any length aloud: piece after piece, the next one fetched while one is heard.
 *
 * Knows sentences, time and the one loudspeaker; knows nothing about screens.
 */

import { Clip, timingAt } from './clip'
import { asTtsError, TtsError } from './errors'
import { AudioPlatform, BackgroundSound, ForegroundSound, Sound, SoundEvents } from './sound'
import { Task } from './task'
import { piecesOf, sentencesOf, Span, spanAt } from './text'

export type Status = 'idle' | 'loading' | 'playing' | 'paused' | 'ended' | 'error'

export interface State {
  status: Status
  /** Seconds from the start of the whole text. */
  timeS: number
  /** Of the whole text; an estimate where pieces have not been made yet. */
  durationS: number
  exact: boolean
  /** Index into `sentences`. */
  sentence: number
  /** What is heard now, as indices into the text; both -1 between words. */
  begin: number
  end: number
  error: TtsError | undefined
}

/** Where clips come from. `local`: a file is wanted, not only a link. */
export interface Source<Options> {
  fetch(text: string, options: Options, how: { urgent: boolean; local: boolean }): Task<Clip>
  forget(text: string, options: Options): Promise<void>
}

export interface ReaderOptions<Options> {
  voice: Options
  background?: boolean
  title?: string
  rate?: number
  /** Go on by itself after a phone call. Default true. */
  resume?: boolean
  /** Another reader begins; without this the reader only pauses. */
  onGiveWay?: () => void
}

const PIECE_CHARS = 120
const BACKGROUND_PIECE_CHARS = 500 // fewer changes of link while the program sleeps
const CHAR_S = 0.22
const TICK_MS = 100
const BACK_S = 1.5 // "previous" this long after a sentence began goes to its own start
const LINK_MARGIN_MS = 30000
const SAME_MOMENT_MS = 1000

export interface Voiced {
  giveWay(): void
}

let active: Voiced | undefined

/** Only one reader of the program is heard: whoever begins silences the one before. */
export function takeFloor(reader: Voiced): void {
  const before = active
  active = reader
  if (before && before !== reader) before.giveWay()
}

export class Reader<Options> {
  sentences: Span[] = []
  state: State = silent()
  private _text = ''
  private _pieces: Span[] = []
  private _clips: Array<Clip | undefined> = []
  private _options: ReaderOptions<Options> = { voice: {} as Options }
  private _sound: Sound | undefined
  private _piece = -1
  private _isOpen = false // the sound holds the current piece, playing or paused
  private _fetching: Task<Clip> | undefined
  private _ahead: Task<Clip> | undefined
  private _want = 0 // counts intentions: the answer to an older one is not acted upon
  private _healed = -1
  private _timer: ReturnType<typeof setInterval> | undefined
  private _interrupted = false
  private _silencedMs = 0 // when something other than this reader last paused the sound
  private _baseS = 0
  private _baseMs = 0

  constructor(
    private _platform: AudioPlatform,
    private _source: Source<Options>,
    private _changed: (state: State) => void,
  ) {
    _platform.onAudioInterruptionBegin(this._onInterruption)
    _platform.onAudioInterruptionEnd(this._onInterruptionEnd)
  }

  /** Take another text; nothing is heard until `play`. */
  load(text: string, options: ReaderOptions<Options>): void {
    this.stop()
    this._text = text
    this._options = options
    this.sentences = sentencesOf(text)
    this._pieces = piecesOf(this.sentences, options.background ? BACKGROUND_PIECE_CHARS : PIECE_CHARS)
    this._clips = this._pieces.map(() => undefined)
    this._piece = -1
    this._set({ ...silent(), durationS: this._totalS() })
  }

  play(): void {
    const { status } = this.state
    if (status === 'playing' || status === 'loading' || !this._pieces.length) return
    takeFloor(this)
    if (status === 'paused' && this._isOpen && this._sound) {
      this._rebase()
      this._set({ status: 'playing' })
      this._sound.resume()
      this._tick()
    } else this._go(status === 'ended' ? 0 : this.state.timeS)
  }

  pause(): void {
    this._interrupted = false
    this._hold(false)
  }

  giveWay(): void {
    if (this._options.onGiveWay) this._options.onGiveWay()
    else this.pause()
  }

  toggle(): void {
    if (this.state.status === 'playing' || this.state.status === 'loading') this.pause()
    else this.play()
  }

  /** Silence, and back to the start. */
  stop(): void {
    this._cancel()
    if (this._sound) this._sound.stop()
    this._sound = undefined
    this._isOpen = false
    this._interrupted = false
    this._set({ status: 'idle', timeS: 0, sentence: 0, begin: -1, end: -1, error: undefined })
  }

  /** Go to `timeS` of the whole; goes on playing if it was. */
  seek(timeS: number): void {
    if (!this._pieces.length) return
    if (this._isHeard()) return this._go(timeS)
    const { piece, atS } = this._locate(timeS)
    this._leave()
    const moved = this._startS(piece) + atS
    this._set({ status: 'paused', timeS: moved, error: undefined, ...this._heardAt(piece, this._clips[piece], atS) })
  }

  /** Read on from the start of a sentence. */
  jump(sentence: number): void {
    const span = this.sentences[Math.min(Math.max(0, sentence), this.sentences.length - 1)]
    if (!span) return
    takeFloor(this)
    const piece = spanAt(this._pieces, span.begin)
    void this._begin(piece, (clip) => this._offsetS(clip, span.begin, piece))
  }

  next(): void {
    if (this.state.sentence < this.sentences.length - 1) this.jump(this.state.sentence + 1)
  }

  previous(): void {
    const { sentence, timeS } = this.state
    const begin = (this.sentences[sentence] || { begin: 0 }).begin
    const piece = spanAt(this._pieces, begin)
    const startedS = this._startS(piece) + this._offsetS(this._clips[piece], begin, piece)
    this.jump(timeS - startedS > BACK_S * this._rate() ? sentence : sentence - 1)
  }

  setRate(rate: number): void {
    this._rebase()
    this._options = { ...this._options, rate }
    if (this._sound) this._sound.rate(rate)
  }

  /** Try again what failed. */
  retry(): void {
    if (this.state.status !== 'error') return
    takeFloor(this)
    this._healed = -1
    this._go(this.state.timeS)
  }

  destroy(): void {
    this.stop()
    if (active === this) active = undefined
    const platform = this._platform as AudioPlatform & Partial<WechatMiniprogram.Wx>
    if (platform.offAudioInterruptionBegin) platform.offAudioInterruptionBegin(this._onInterruption)
    if (platform.offAudioInterruptionEnd) platform.offAudioInterruptionEnd(this._onInterruptionEnd)
    this._changed = () => undefined
  }

  private _go(timeS: number): void {
    const { piece, atS, share } = this._locate(timeS)
    const known = this._clips[piece]
    this._set({ timeS, error: undefined })
    void this._begin(piece, (clip) => (known ? atS : share * clip.durationS))
  }

  private async _begin(piece: number, offsetS: (clip: Clip) => number): Promise<void> {
    const clip = this._clips[piece]
    if (this._isOpen && this._sound && clip && piece === this._piece && this.state.status === 'playing') {
      this._sound.seek(offsetS(clip))
      this._moved(piece, clip, offsetS(clip))
      return
    }
    this._leave()
    const want = this._want
    this._set({ status: 'loading', error: undefined })
    try {
      const fetched = await this._clipOf(piece)
      if (want === this._want) this._hear(piece, fetched, offsetS(fetched))
    } catch (thrown) {
      const error = asTtsError(thrown)
      if (want === this._want && error.code !== 'cancelled') this._set({ status: 'error', error })
    }
  }

  private _hear(piece: number, clip: Clip, atS: number): void {
    this._piece = piece
    this._clips[piece] = clip
    this._isOpen = true
    this._moved(piece, clip, atS)
    this._sound = this._sound || this._open()
    this._sound.start({ clip, atS, rate: this._rate(), title: this._options.title || this._text.slice(0, 30) })
  }

  private _moved(piece: number, clip: Clip, atS: number): void {
    this._baseS = atS
    this._baseMs = Date.now()
    const exact = this._clips.every(Boolean)
    this._set({ timeS: this._startS(piece) + atS, durationS: this._totalS(), exact, ...this._heardAt(piece, clip, atS) })
  }

  private _open(): Sound {
    const events: SoundEvents = {
      playing: () => {
        // paused before it came this far; on the lock screen, though, the user may have pressed play
        if (!this._isHeard() && !this._options.background) return
        takeFloor(this)
        this._rebase(this._sound ? this._sound.timeS() : 0)
        this._set({ status: 'playing' })
        this._tick()
      },
      waiting: () => {
        if (this.state.status !== 'playing') return
        this._rebase()
        this._set({ status: 'loading' })
      },
      paused: () => {
        if (!this._isHeard()) return
        this._silencedMs = Date.now()
        this._hold(true)
      },
      ended: () => this._advance(),
      failed: (error) => this._heal(error),
      previous: () => this.previous(),
      next: () => this.next(),
    }
    return this._options.background ? new BackgroundSound(this._platform, events) : new ForegroundSound(this._platform, events)
  }

  private _advance(): void {
    if (this._piece + 1 < this._pieces.length) {
      void this._begin(this._piece + 1, () => 0)
      return
    }
    this._leave()
    this._set({ status: 'ended', timeS: this._totalS(), durationS: this._totalS(), begin: -1, end: -1 })
  }

  // a file that went missing, a link that expired: fetched once more before the user hears of it
  private _heal(error: TtsError): void {
    const piece = this._piece
    const span = this._pieces[piece]
    if (!span || this._healed === piece) {
      this._leave()
      this._set({ status: 'error', error })
      return
    }
    this._healed = piece
    const atS = this._runningS()
    this._isOpen = false
    this._set({ status: 'loading' })
    this._clips[piece] = undefined
    const want = this._want
    const again = () => want === this._want && this._isHeard() && void this._begin(piece, (clip) => Math.min(atS, clip.durationS))
    this._source.forget(this._textOf(piece), this._voiceOf(piece)).then(again, again)
  }

  private _clipOf(piece: number): Promise<Clip> {
    const clip = this._clips[piece]
    const local = !this._options.background
    if (clip && (local || clip.expiresMs - Date.now() > LINK_MARGIN_MS)) {
      this._fetchAhead(piece + 1)
      return Promise.resolve(clip)
    }
    const task = this._fetch(piece, true)
    this._fetchAhead(piece + 1) // already now: the first piece may be over in a second
    this._fetching = task
    return task
  }

  private _fetch(piece: number, urgent: boolean): Task<Clip> {
    return this._source.fetch(this._textOf(piece), this._voiceOf(piece), { urgent, local: !this._options.background })
  }

  private _fetchAhead(piece: number): void {
    const ahead = this._ahead
    this._ahead = undefined
    if (piece < this._pieces.length && !this._clips[piece]) this._followAhead(piece)
    if (ahead) ahead.cancel() // after asking anew, so that it goes on if it is the same
  }

  private _followAhead(piece: number): void {
    const task = this._fetch(piece, false)
    this._ahead = task
    task.then(
      (clip) => {
        if (this._ahead !== task) return
        this._clips[piece] = clip
        this._set({ durationS: this._totalS(), exact: this._clips.every(Boolean) })
      },
      () => undefined, // asked for again, and reported, when its turn comes
    )
  }

  private _cancel(): void {
    this._want += 1
    if (this._timer !== undefined) clearInterval(this._timer)
    this._timer = undefined
    if (this._fetching) this._fetching.cancel()
    if (this._ahead) this._ahead.cancel()
    this._fetching = this._ahead = undefined
  }

  // the loudspeaker is free for another piece; what is being fetched ahead may be just that one
  private _leave(): void {
    const ahead = this._ahead
    this._ahead = undefined
    this._cancel()
    this._ahead = ahead
    this._isOpen = false
    if (this._sound && !this._options.background) this._sound.stop() // the lock screen's player must not close between pieces
  }

  private _hold(isSilent: boolean): void {
    if (!this._isHeard()) return
    this._rebase()
    if (this._timer !== undefined) clearInterval(this._timer)
    this._timer = undefined
    this._set({ status: 'paused' })
    if (!this._isOpen) this._leave()
    else if (this._sound && !isSilent) this._sound.pause()
  }

  private readonly _onInterruption = (): void => {
    const justNow = this.state.status === 'paused' && Date.now() - this._silencedMs < SAME_MOMENT_MS
    if (!this._isHeard() && !justNow) return
    this._hold(false)
    this._interrupted = this._options.resume !== false
  }

  private readonly _onInterruptionEnd = (): void => {
    if (!this._interrupted) return
    this._interrupted = false
    // who was called away has lost the thread: the sentence is read again
    if (active === this && this.state.status === 'paused') this.jump(this.state.sentence)
  }

  private _tick(): void {
    if (this._timer !== undefined) clearInterval(this._timer)
    this._timer = undefined
    if (this.state.status !== 'playing') return // whoever was told of the sound has ended it at once
    this._timer = setInterval(() => {
      const piece = this._piece
      const clip = this._clips[piece]
      if (this.state.status !== 'playing' || !clip) return
      const atS = Math.min(this._localS(), clip.durationS)
      this._set({ timeS: this._startS(piece) + atS, ...this._heardAt(piece, clip, atS) })
    }, TICK_MS)
  }

  // the platform tells the time four times a second, in steps: between them the clock goes on by itself
  private _localS(): number {
    const told = this._sound ? this._sound.timeS() : 0
    if (this.state.status === 'playing' && Math.abs(told - this._runningS()) > 0.4 && told > 0) this._rebase(told)
    return this._runningS()
  }

  private _runningS(): number {
    return this.state.status === 'playing' ? this._baseS + ((Date.now() - this._baseMs) / 1000) * this._rate() : this._baseS
  }

  private _rebase(atS = this._runningS()): void {
    this._baseS = atS > 0 ? atS : this._baseS
    this._baseMs = Date.now()
  }

  private _heardAt(piece: number, clip: Clip | undefined, atS: number): Pick<State, 'sentence' | 'begin' | 'end'> {
    const from = (this._pieces[piece] || { begin: 0 }).begin
    const timing = clip ? clip.timings[timingAt(clip.timings, atS * 1000)] : undefined
    const length = this._lengthOf(piece)
    const guess = clip && clip.timings.length ? from : from + Math.floor((atS / (this._durationOf(piece) || 1)) * length)
    const sentence = spanAt(this.sentences, timing ? from + timing.begin : Math.min(guess, from + Math.max(0, length - 1)))
    const spoken = timing && atS * 1000 < timing.endMs
    return { sentence, begin: spoken ? from + timing.begin : -1, end: spoken ? from + timing.end : -1 }
  }

  /** Where a position of the text is heard, in seconds from the start of its piece. */
  private _offsetS(clip: Clip | undefined, position: number, piece = spanAt(this._pieces, position)): number {
    const from = (this._pieces[piece] || { begin: 0 }).begin
    if (!clip || !clip.timings.length) return ((position - from) / (this._lengthOf(piece) || 1)) * (clip ? clip.durationS : this._durationOf(piece))
    const timing = clip.timings.find((one) => from + one.end > position)
    return timing ? timing.beginMs / 1000 : clip.durationS
  }

  private _locate(timeS: number): { piece: number; atS: number; share: number } {
    let leftS = Math.max(0, timeS)
    for (let piece = 0; piece < this._pieces.length; piece += 1) {
      const durationS = this._durationOf(piece)
      if (leftS < durationS || piece === this._pieces.length - 1) {
        const atS = Math.min(leftS, Math.max(0, durationS - 0.05))
        return { piece, atS, share: durationS ? atS / durationS : 0 }
      }
      leftS -= durationS
    }
    return { piece: 0, atS: 0, share: 0 }
  }

  private _startS(piece: number): number {
    let sum = 0
    for (let index = 0; index < piece; index += 1) sum += this._durationOf(index)
    return sum
  }

  private _totalS(): number {
    return this._startS(this._pieces.length)
  }

  private _durationOf(piece: number): number {
    const clip = this._clips[piece]
    return clip ? clip.durationS : this._lengthOf(piece) * CHAR_S
  }

  private _lengthOf(piece: number): number {
    const span = this._pieces[piece]
    return span ? span.end - span.begin : 0
  }

  private _textOf(piece: number): string {
    const span = this._pieces[piece]
    return span ? this._text.slice(span.begin, span.end) : ''
  }

  // the label that is heard belongs at the end of the whole, not of every piece
  private _voiceOf(piece: number): Options {
    const isLast = piece === this._pieces.length - 1
    return isLast ? this._options.voice : { explicit_label: false, ...this._options.voice }
  }

  private _rate(): number {
    return this._options.rate || 1
  }

  private _isHeard(): boolean {
    return this.state.status === 'playing' || this.state.status === 'loading'
  }

  private _set(change: Partial<State>): void {
    const before = this.state
    this.state = { ...before, ...change }
    if ((Object.keys(change) as Array<keyof State>).some((name) => before[name] !== this.state[name])) this._changed(this.state)
  }
}

function silent(): State {
  return { status: 'idle', timeS: 0, durationS: 0, exact: false, sentence: 0, begin: -1, end: -1, error: undefined }
}
