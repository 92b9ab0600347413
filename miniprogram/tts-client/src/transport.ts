/** HTTP as the platform speaks it: bounded, retried, with a token. Knows nothing about speech. */

import { asTtsError, cancelled, Failure, refused, TtsError, unanswered } from './errors'
import { Session } from './session'
import { pause, Signal, Slots, Urgency } from './task'

export type Platform = Pick<
  WechatMiniprogram.Wx,
  'request' | 'downloadFile' | 'uploadFile' | 'login' | 'getStorage' | 'setStorage' | 'removeStorage'
>

export interface Call {
  path: string
  urgency: Urgency
  signal: Signal
  /** `wx.request` knows no PATCH. */
  method?: 'GET' | 'POST' | 'DELETE'
  data?: WechatMiniprogram.IAnyObject
  header?: Record<string, string>
  anonymous?: boolean
}

export interface Answer {
  status: number
  data: any
  header: (name: string) => string
}

export interface Persistence {
  /** How often one call is tried in all. */
  attempts: number
  /** First pause, doubled each time, in milliseconds. */
  baseMs: number
  /** Longest pause; a server that asks for more is taken at its word: the call fails at once. */
  maxMs: number
  /** For one request, in milliseconds; the platform allows 60,000. */
  timeoutMs: number
}

type Aborting = { abort(): void } | undefined
type Callbacks = {
  success: (result: { statusCode: number; data?: any; header?: any; tempFilePath?: string }) => void
  fail: (failure: Failure) => void
}

export const URGENT: Urgency = { urgent: true }

export class Transport {
  readonly slots: Slots
  readonly session: Session

  constructor(
    readonly platform: Platform,
    readonly baseUrl: string,
    private _persistence: Persistence,
    concurrency: number,
  ) {
    this.slots = new Slots(concurrency, Math.max(1, Math.min(2, concurrency - 1)))
    this.session = new Session(platform, `tts-token ${baseUrl}`, (code) => this._login(code))
  }

  /** The JSON answer to `call`. */
  async send(call: Call): Promise<Answer> {
    return this.persist(call, (authorization) => this._send(call, authorization))
  }

  /** Fetch a signed link into a temporary file; returns its path. */
  async download(url: string, urgency: Urgency, signal: Signal): Promise<string> {
    // an error's body would be saved as the file: the status decides, not `success`
    const answer = await this.persist({ path: url, urgency, signal, anonymous: true }, () =>
      this._ask(signal, ({ success, fail }) =>
        this.platform.downloadFile({ url, timeout: this._persistence.timeoutMs, success, fail }),
      ),
    )
    return answer.data as string
  }

  /** Send one file with fields; the answer's body is JSON. */
  async upload(call: Call, filePath: string, name: string): Promise<Answer> {
    return this.persist(call, (authorization) =>
      this._ask(call.signal, ({ success, fail }) =>
        this.platform.uploadFile({
          url: this.baseUrl + call.path,
          filePath,
          name,
          ...(call.data ? { formData: call.data } : {}),
          header: { ...authorization, ...call.header },
          timeout: this._persistence.timeoutMs,
          success,
          fail,
        }),
      ),
    )
  }

  /** Do `attempt` until it succeeds, within reason: at most one new login, waits only for what passes by itself. */
  async persist<T>(call: Call, attempt: (header: Record<string, string>) => Promise<T>): Promise<T> {
    let renewed = false
    for (let tried = 1; ; tried += 1) {
      let bearer = ''
      try {
        bearer = call.anonymous ? '' : await this._bearer(call.signal)
        const header: Record<string, string> = bearer ? { Authorization: `Bearer ${bearer}` } : {}
        return await this.slots.run(call.urgency, call.signal, () => attempt(header))
      } catch (thrown) {
        const error = asTtsError(thrown)
        if (error.status === 401 && bearer && !renewed) {
          renewed = true
          tried -= 1
          this.session.drop(bearer)
          continue
        }
        const waitMs = this._waitMs(error, tried)
        if (waitMs < 0) throw error
        await pause(waitMs, call.signal)
      }
    }
  }

  private async _bearer(signal: Signal): Promise<string> {
    const bearer = await this.session.bearer()
    signal.check()
    return bearer
  }

  private _waitMs(error: TtsError, tried: number): number {
    const { attempts, baseMs, maxMs } = this._persistence
    if (!error.passing || tried >= attempts) return -1
    if (error.retryAfterS * 1000 > maxMs) return -1
    const backoffMs = Math.min(maxMs, baseMs * 2 ** (tried - 1)) * (0.5 + Math.random() / 2)
    return Math.max(error.retryAfterS * 1000, backoffMs)
  }

  private async _login(code: string): Promise<{ access_token: string; expires_in: number }> {
    // one attempt: a code works once, so whoever tries again brings a new one
    const call: Call = { path: '/auth/wechat', method: 'POST', data: { code }, urgency: URGENT, signal: new Signal() }
    const answer = await this.slots.run(URGENT, call.signal, () => this._send(call, {}))
    const { access_token, expires_in } = answer.data || {}
    if (typeof access_token !== 'string' || !(expires_in > 0)) throw new TtsError('bad_answer', '登录服务的回答有误：请稍后再试。')
    return answer.data
  }

  private _send({ path, method = 'GET', data, header, signal }: Call, authorization: Record<string, string>): Promise<Answer> {
    return this._ask(signal, ({ success, fail }) =>
      this.platform.request({
        url: this.baseUrl + path,
        method,
        ...(data ? { data } : {}),
        header: { 'content-type': 'application/json', ...authorization, ...header },
        timeout: this._persistence.timeoutMs,
        success,
        fail,
      }),
    )
  }

  private _ask(signal: Signal, start: (callbacks: Callbacks) => Aborting): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let forget = (): unknown => undefined
      const running = start({
        success: (result) => {
          forget()
          const header = headerOf(result.header)
          const status = result.statusCode
          if (status < 200 || status > 299) reject(refused(status, parsed(result.data), retryAfterS(header('Retry-After'))))
          else resolve({ status, header, data: result.tempFilePath || parsed(result.data) })
        },
        fail: (failure) => {
          forget()
          reject(signal.cancelled ? cancelled() : unanswered(failure))
        },
      })
      forget = signal.onCancel(() => {
        if (running) running.abort()
        reject(cancelled())
      })
    })
  }
}

/** Look a header up whatever its case, which differs between platforms. */
export function headerOf(headers: Record<string, string> | undefined): (name: string) => string {
  const lower = new Map(Object.entries(headers || {}).map(([name, value]) => [name.toLowerCase(), String(value)]))
  return (name) => lower.get(name.toLowerCase()) || ''
}

/** Seconds to wait: a number, or a date; 0 where there is neither. */
export function retryAfterS(value: string): number {
  if (/^\s*\d+\s*$/.test(value)) return Number(value)
  const until = Date.parse(value)
  return Number.isNaN(until) ? 0 : Math.max(0, Math.ceil((until - Date.now()) / 1000))
}

function parsed(data: unknown): unknown {
  if (typeof data !== 'string') return data
  try {
    return JSON.parse(data) // application/problem+json is left as text by some clients, uploads always
  } catch {
    return data
  }
}
