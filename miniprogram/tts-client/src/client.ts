/** What a mini-program calls: text in, sound out. */

import { FileCache } from './cache'
import { Clip, timingsOf, Warning, warningsOf } from './clip'
import { TtsError } from './errors'
import { Job, JobHandlers, JobResult, watchJob } from './job'
import { PcmPlayer } from './pcm'
import { Reader, Source, State, takeFloor } from './reader'
import { AudioPlatform } from './sound'
import { runStream, StreamEnd, StreamHandlers } from './stream'
import { Flights, Signal, startTask, Task, Urgency } from './task'
import { Answer, Persistence, Platform as NetworkPlatform, Transport, URGENT } from './transport'

/** The part of `wx` that the client needs; tests bring their own. */
export type Platform = NetworkPlatform &
  AudioPlatform &
  Pick<WechatMiniprogram.Wx, 'getFileSystemManager' | 'env' | 'createWebAudioContext' | 'setInnerAudioOption'>

/** How to speak; what is left out is the server's default. */
export interface VoiceOptions {
  speaker?: string
  /** 0.5 to 2.0; the pitch stays. */
  speed?: number
  emotion?: string
  /** 0 to 1. */
  intensity?: number
  /** Semitones. */
  pitch?: number
  volume?: number
  format?: 'mp3' | 'wav' | 'm4a' | 'aac'
  voice_id?: string
  /**
   * Whether the file itself must be heard to be made by AI. `false` is for those who show it on the screen all the
   * time and offer no download; the components of this package do. Default true.
   */
  explicit_label?: boolean
}

export interface ClientOptions {
  /** For instance `https://tts.example.com`; must be among the legal domains of the mini-program. */
  baseUrl: string
  wx: Platform
  /** For every call that does not say otherwise. */
  voice?: VoiceOptions
  /** Requests and downloads at once; the platform allows the whole program 10. Default 6. */
  concurrency?: number
  /** Room for kept sounds, in MB, of the 200 that the platform gives the whole program. Default 50. */
  cacheMb?: number
  /** Days after which a kept sound is made anew. Default 7. */
  cacheDays?: number
  persistence?: Partial<Persistence>
  /** Be silent when the phone's mute switch is on (iOS). Default false: who cannot see the screen must hear. */
  obeyMuteSwitch?: boolean
}

export interface SpeakOptions extends VoiceOptions {
  /** Called when the first sound is heard. */
  onPlay?: () => void
}

export interface Preloaded {
  ready: number
  failed: Array<{ text: string; error: TtsError }>
}

export interface ClonedVoice {
  /** For `VoiceOptions.voice_id`. */
  voice_id: string
  title: string
  created_at: string
  /** Uploaded by this user, who may remove it. */
  owned: boolean
}

/** A recording, and that the person heard in it agreed. */
export interface VoiceUpload {
  /** As `wx.chooseMedia`, a recorder, or `wx.chooseMessageFile` gave it. */
  filePath: string
  title: string
  consent: { person: string; purpose: string; agreedAt: Date; statement: string }
}

export interface Voices {
  voices: Array<{ name: string; title: string; gender: string }>
  cloned?: ClonedVoice[]
  emotions?: string[]
  speed: { min: number; max: number }
  formats: string[]
}

const PLATFORM_CONCURRENCY = 10
const PERSISTENCE: Persistence = { attempts: 5, baseMs: 500, maxMs: 10000, timeoutMs: 55000 }
const LINKS_KEPT = 200

export class TtsClient implements Source<VoiceOptions> {
  readonly transport: Transport
  readonly cache: FileCache
  private _flights: Flights<Clip>
  private _links = new Map<string, Clip>()
  private _mustLabel = false
  private _hush: Signal | undefined

  constructor(private _options: ClientOptions) {
    const { wx, baseUrl, concurrency = 6, cacheMb = 50, cacheDays = 7 } = _options
    if (!/^https?:\/\/[^/\s]+$/.test(baseUrl)) throw new TtsError('invalid_url', 'baseUrl 应写成 https://域名，末尾没有斜杠。')
    const size = Math.max(1, Math.min(PLATFORM_CONCURRENCY, concurrency))
    this.transport = new Transport(wx, baseUrl, { ...PERSISTENCE, ..._options.persistence }, size)
    this.cache = new FileCache(wx, 'tts-cache', cacheMb * 1e6, cacheDays * 86400e3)
    wx.setInnerAudioOption({ obeyMuteSwitch: Boolean(_options.obeyMuteSwitch), fail: () => undefined })
    this._flights = new Flights(() => this.transport.slots.admit())
  }

  /** Read `text` aloud; resolves when it has been heard to the end. Whatever was being read before stops. */
  speak(text: string, options: SpeakOptions = {}): Task<void> {
    this.stop()
    const { onPlay, ...voice } = options
    const signal = new Signal()
    this._hush = signal
    return startTask(
      () =>
        new Promise<void>((resolve, reject) => {
          let heard = false
          const reader = this.createReader(({ status, error }) => {
            if (status === 'playing' && !heard) {
              heard = true
              if (onPlay) onPlay()
            }
            if (status !== 'ended' && status !== 'error') return
            reader.destroy()
            if (error) reject(error)
            else resolve()
          })
          signal.onCancel(() => reader.destroy())
          reader.load(text, { voice, onGiveWay: () => signal.cancel() })
          if (reader.sentences.length) reader.play()
          else reject(new TtsError('empty_text', '没有可以朗读的文字。'))
        }),
      signal,
    )
  }

  /** Silence what `speak` or a playing `stream` began; its task rejects with code `cancelled`. */
  stop(): void {
    if (this._hush) this._hush.cancel()
    this._hush = undefined
  }

  /** Fetch short texts ahead of need, so that they sound at once; behind whatever somebody waits for. */
  preload(texts: string | string[], options: VoiceOptions = {}): Task<Preloaded> {
    return startTask(async (signal) => {
      const done: Preloaded = { ready: 0, failed: [] }
      await Promise.all(
        [...new Set(Array.isArray(texts) ? texts : [texts])].map(async (text) => {
          const task = this.fetch(text, options, { urgent: false, local: true })
          const forget = signal.onCancel(() => task.cancel())
          try {
            await task
            done.ready += 1
          } catch (thrown) {
            done.failed.push({ text, error: thrown as TtsError })
          }
          forget()
        }),
      )
      return done
    })
  }

  /** The sound of `text` (at most 1,000 characters) as a file, and its timings; nothing is heard. */
  synthesize(text: string, options: VoiceOptions = {}): Task<Clip> {
    return this.fetch(text, options, { urgent: true, local: true })
  }

  /** Speak while the rest is being made (at most 5,000 characters); `play` also lets it be heard. */
  stream(text: string, options: VoiceOptions & Partial<StreamHandlers> & { play?: boolean } = {}): Task<StreamEnd> {
    const { onStart, onPiece, play, ...voice } = options
    const signal = new Signal()
    if (play) {
      this.stop()
      this._hush = signal
      takeFloor({ giveWay: () => signal.cancel() })
    }
    return startTask(async () => {
      const player = play ? new PcmPlayer(this._options.wx) : undefined
      if (player) signal.onCancel(() => player.stop())
      try {
        const end = await runStream(this.transport, this._body(text, voice), signal, {
          ...(onStart ? { onStart } : {}),
          onPiece: (piece) => {
            if (player) player.add(piece.pcm, piece.sampleRate)
            if (onPiece) onPiece(piece)
          },
        })
        if (player) await player.finish(signal)
        return end
      } catch (thrown) {
        if (player) player.stop()
        throw thrown
      }
    }, signal)
  }

  /** Have a long text (at most 100,000 characters) made in the background; cancelling the task cancels the job. */
  job(text: string, options: VoiceOptions & JobHandlers = {}): Task<JobResult> {
    const { onProgress, onPart, onCreate, ...voice } = options
    const handlers = { onProgress, onPart, onCreate }
    return startTask((signal) => watchJob(this.transport, { text, body: this._body(text, voice) }, handlers, signal))
  }

  /** Go on waiting for a job of an earlier run of the program. */
  resumeJob(id: string, text: string, handlers: JobHandlers = {}): Task<JobResult> {
    return startTask((signal) => watchJob(this.transport, { text, id }, handlers, signal))
  }

  /** Voices, bounds of the speed, formats. */
  voices(): Task<Voices> {
    return startTask(async (signal) => (await this.transport.send({ path: '/voices', urgency: URGENT, signal })).data)
  }

  /** Clone a voice; the server refuses without the whole consent. Sent twice, it is the same voice. */
  addVoice({ filePath, title, consent }: VoiceUpload): Task<ClonedVoice> {
    const data = {
      title,
      consent_person: consent.person,
      consent_purpose: consent.purpose,
      consent_agreed_at: consent.agreedAt.toISOString(),
      consent_statement: consent.statement,
    }
    return startTask(async (signal) => (await this.transport.upload({ path: '/voices', data, urgency: URGENT, signal }, filePath, 'clip')).data)
  }

  /** Delete a voice of one's own, and on the server all that was made with it. */
  removeVoice(id: string): Task<void> {
    const path = `/voices/${encodeURIComponent(id)}`
    return startTask(async (signal) => {
      await this.transport.send({ path, method: 'DELETE', urgency: URGENT, signal })
      this._links.clear()
      await this.cache.clear() // the phone must not go on speaking with it either
    })
  }

  /** A reader of long texts, for a screen of your own; `tts-player` is one. */
  createReader(changed: (state: State) => void): Reader<VoiceOptions> {
    return new Reader<VoiceOptions>(this._options.wx, this, changed)
  }

  /** For readers: one clip, from memory, file, or server. */
  fetch(text: string, options: VoiceOptions, how: { urgent: boolean; local: boolean }): Task<Clip> {
    const body = this._body(text, options)
    const key = keyOf(body)
    const name = `${how.local ? 'file' : 'link'} ${key}`
    return this._flights.join(name, how.urgent, (signal, urgency) =>
      how.local ? this._file(key, body, signal, urgency) : this._link(key, body, signal, urgency),
    )
  }

  /** The kept sound of `text` is no good. */
  async forget(text: string, options: VoiceOptions): Promise<void> {
    const key = keyOf(this._body(text, options))
    this._links.delete(key)
    await this.cache.forget(key)
  }

  private async _file(key: string, body: Body, signal: Signal, urgency: Urgency): Promise<Clip> {
    const kept = await this.cache.find(key)
    if (kept) return kept
    signal.check()
    const clip = await this._link(key, body, signal, urgency)
    try {
      return await this._cache(key, clip, signal, urgency)
    } catch (thrown) {
      // a link of some time ago: the server may have cleaned up since
      if (![403, 404].includes((thrown as TtsError).status) || !this._links.delete(key)) throw thrown
      return this._cache(key, await this._link(key, body, signal, urgency), signal, urgency)
    }
  }

  private async _cache(key: string, clip: Clip, signal: Signal, urgency: Urgency): Promise<Clip> {
    const temporary = await this.transport.download(clip.url, urgency, signal)
    return this.cache.keep(key, clip, temporary)
  }

  private async _link(key: string, body: Body, signal: Signal, urgency: Urgency): Promise<Clip> {
    const known = this._links.get(key)
    if (known && known.expiresMs > Date.now() + 60000) return known
    const { data } = await this._ask({ ...body, timestamps: true }, signal, urgency)
    if (!data || typeof data.audio_url !== 'string') throw new TtsError('bad_answer', '语音服务的回答有误：请稍后再试。')
    const clip = clipOf(data, body.text)
    this._links.set(key, clip)
    if (this._links.size > LINKS_KEPT) this._links.delete(this._links.keys().next().value as string)
    return clip
  }

  private async _ask(data: Record<string, unknown>, signal: Signal, urgency: Urgency): Promise<Answer> {
    const call = { path: '/tts', method: 'POST' as const, urgency, signal }
    const { explicit_label, ...labelled } = data
    try {
      return await this.transport.send({ ...call, data: this._mustLabel ? labelled : data })
    } catch (thrown) {
      // this server lets nobody go without: from now on it is not asked for
      if ((thrown as TtsError).field !== 'explicit_label' || this._mustLabel) throw thrown
      this._mustLabel = true
      return this.transport.send({ ...call, data: labelled })
    }
  }

  private _body(text: string, options: VoiceOptions): Body {
    const wanted: Record<string, unknown> = { ...this._options.voice, ...options }
    if (wanted.voice_id) delete wanted.speaker // the server takes one of the two
    const body: Body = { text }
    // in one order, since the body is the cache's key; "" and undefined mean the server's default
    for (const name of Object.keys(wanted).sort()) if (wanted[name] !== undefined && wanted[name] !== '') body[name] = wanted[name]
    return body
  }
}

type Body = { text: string } & Record<string, unknown>

export function createTtsClient(options: ClientOptions): TtsClient {
  return new TtsClient(options)
}

/** The sound behind the server's answer. */
export function clipOf(data: any, text: string): Clip {
  const warnings: Warning[] = warningsOf(data.warnings, text)
  return {
    path: data.audio_url,
    url: data.audio_url,
    expiresMs: Date.parse(data.expires_at) || Date.now(),
    durationS: data.duration_s,
    timings: timingsOf(data.timestamps, text),
    warnings,
    cached: data.cached ? 'server' : '',
    requestId: data.request_id || '',
  }
}

function keyOf(body: Body): string {
  return JSON.stringify(body)
}

export type { Job }
