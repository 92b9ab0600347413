/** One clip in the phone's ears, through an inner audio context or the background audio manager. */

import { Clip } from './clip'
import { TtsError } from './errors'

export type AudioPlatform = Pick<
  WechatMiniprogram.Wx,
  'createInnerAudioContext' | 'getBackgroundAudioManager' | 'onAudioInterruptionBegin' | 'onAudioInterruptionEnd'
>

export interface SoundEvents {
  playing: () => void
  waiting: () => void
  ended: () => void
  /** The system, or another program, stopped it. */
  paused: () => void
  failed: (error: TtsError) => void
  previous: () => void
  next: () => void
}

export interface Start {
  clip: Clip
  atS: number
  rate: number
  title: string
}

/** Plays one clip at a time. */
export interface Sound {
  start(what: Start): void
  pause(): void
  resume(): void
  seek(atS: number): void
  rate(rate: number): void
  timeS(): number
  stop(): void
}

const REASONS: Record<number, string> = { 10001: '系统', 10002: '网络', 10003: '文件', 10004: '格式' }

/** In the foreground: a context for every clip, so that a late event of the last one cannot be mistaken. */
export class ForegroundSound implements Sound {
  private _context: WechatMiniprogram.InnerAudioContext | undefined

  constructor(
    private _platform: AudioPlatform,
    private _events: SoundEvents,
  ) {}

  start({ clip, atS, rate }: Start): void {
    this.stop()
    const context = this._platform.createInnerAudioContext()
    const ours = (event: () => void) => () => {
      if (this._context === context) event()
    }
    this._context = context
    context.onPlay(ours(this._events.playing))
    context.onWaiting(ours(this._events.waiting))
    context.onEnded(ours(this._events.ended))
    context.onPause(ours(this._events.paused))
    context.onError(({ errCode, errMsg }) => ours(() => this._events.failed(unplayable(errCode, errMsg)))())
    context.src = clip.path
    context.startTime = atS // a seek before the file is open is lost on iOS
    context.playbackRate = rate
    context.play()
  }

  pause(): void {
    if (this._context) this._context.pause()
  }

  resume(): void {
    if (this._context) this._context.play()
  }

  seek(atS: number): void {
    if (this._context) this._context.seek(atS)
  }

  rate(rate: number): void {
    if (this._context) this._context.playbackRate = rate
  }

  timeS(): number {
    return this._context ? this._context.currentTime || 0 : 0
  }

  stop(): void {
    const context = this._context
    if (!context) return
    this._context = undefined
    context.stop()
    context.destroy() // contexts are few, and none is freed by itself
  }
}

let owner: BackgroundSound | undefined

/** On the lock screen too. There is one manager for the whole program; it plays links only, no local files. */
export class BackgroundSound implements Sound {
  private _manager: WechatMiniprogram.BackgroundAudioManager

  constructor(
    platform: AudioPlatform,
    private _events: SoundEvents,
  ) {
    this._manager = platform.getBackgroundAudioManager()
  }

  start({ clip, atS, rate, title }: Start): void {
    this._claim()
    this._manager.title = title // without one nothing plays
    this._manager.startTime = atS
    this._manager.playbackRate = rate
    this._manager.src = clip.url // plays by itself
  }

  pause(): void {
    if (owner === this) this._manager.pause()
  }

  resume(): void {
    if (owner === this) this._manager.play()
  }

  seek(atS: number): void {
    if (owner === this) this._manager.seek(atS)
  }

  rate(rate: number): void {
    if (owner === this) this._manager.playbackRate = rate
  }

  timeS(): number {
    return owner === this ? this._manager.currentTime || 0 : 0
  }

  stop(): void {
    if (owner !== this) return
    owner = undefined
    this._manager.stop()
  }

  private _claim(): void {
    owner = this
    const manager = this._manager
    const now = (event: () => void) => () => {
      if (owner === this) event()
    }
    manager.onPlay(now(this._events.playing))
    manager.onWaiting(now(this._events.waiting))
    manager.onEnded(now(this._events.ended))
    manager.onPause(now(this._events.paused))
    manager.onStop(now(this._events.paused))
    manager.onPrev(now(this._events.previous))
    manager.onNext(now(this._events.next))
    manager.onError((said) => now(() => this._events.failed(unplayable(0, said.errMsg)))())
  }
}

function unplayable(code: number, said: string): TtsError {
  const reason = REASONS[code] ? `（${REASONS[code]}）` : ''
  return new TtsError('unplayable', `声音放不出来${reason}：请再试一次。`, { passing: true, said: `${code} ${said}` })
}
