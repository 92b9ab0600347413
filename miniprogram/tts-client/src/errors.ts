/** Everything that can go wrong, as one class. */

export interface Cause {
  status?: number
  requestId?: string
  retryAfterS?: number
  /** May the same call succeed later without any change? */
  passing?: boolean
  /** Of the request, where one of them is wrong. */
  field?: string
  /** What the platform said, for the developer's console. */
  said?: string
}

/** A failure with a stable `code` for programs and a Chinese `message` for people. */
export class TtsError extends Error {
  readonly code: string
  /** HTTP status; 0 where no server answered. */
  readonly status: number
  /** Names the request in the server's log; empty where no server answered. */
  readonly requestId: string
  readonly retryAfterS: number
  readonly passing: boolean
  readonly field: string
  readonly said: string

  constructor(code: string, message: string, cause: Cause = {}) {
    super(message)
    Object.setPrototypeOf(this, TtsError.prototype) // compiled to ES5, a subclass of Error loses it
    this.name = 'TtsError'
    this.code = code
    this.status = cause.status || 0
    this.requestId = cause.requestId || ''
    this.retryAfterS = cause.retryAfterS || 0
    this.passing = Boolean(cause.passing)
    this.field = cause.field || ''
    this.said = cause.said || ''
  }
}

/** What a `fail` callback of the platform brings. */
export interface Failure {
  errMsg?: string
  errno?: number
}

interface Known {
  errno: number[]
  words: RegExp
  code: string
  message: string
  passing: boolean
}

// errno first, its numbers are stable; older base libraries only have words
const KNOWN: Known[] = [
  { errno: [], words: /abort/i, code: 'cancelled', message: '已取消。', passing: false },
  {
    errno: [600002],
    words: /domain list/i,
    code: 'domain_not_allowed',
    message: '服务器域名没有登记：请在微信公众平台的“服务器域名”里添加它。',
    passing: false,
  },
  { errno: [600009], words: /invalid url/i, code: 'invalid_url', message: '服务器地址不对：请检查 baseUrl。', passing: false },
  { errno: [5], words: /time ?out/i, code: 'network_timeout', message: '网络太慢，没有等到回答：请稍后再试。', passing: true },
  { errno: [600003], words: /interrupted/i, code: 'network_interrupted', message: '小程序切到了后台，网络中断：请再试一次。', passing: true },
]

/** The error for a call that no server answered. */
export function unanswered(failure: Failure): TtsError {
  const said = failure.errMsg || ''
  const known =
    KNOWN.find((entry) => failure.errno !== undefined && entry.errno.includes(failure.errno)) ||
    KNOWN.find((entry) => entry.words.test(said))
  if (known) return new TtsError(known.code, known.message, { passing: known.passing, said })
  return new TtsError('network_failed', '连不上语音服务：请检查网络后再试。', { passing: true, said })
}

/** The error for an answer other than success; `body` is the problem document, where there is one. */
export function refused(status: number, body: unknown, retryAfterS: number): TtsError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const text = (name: string) => (typeof problem[name] === 'string' ? (problem[name] as string) : '')
  return new TtsError(text('code') || `http_${status}`, text('detail') || text('error') || sentence(status), {
    status,
    requestId: text('request_id'),
    retryAfterS,
    // a gateway that says when to come back is restarting; other failures of it will not heal by asking again
    passing: status === 429 || status === 503 || (status >= 500 && retryAfterS > 0),
    field: text('field'),
    said: text('title'),
  })
}

export function cancelled(): TtsError {
  return new TtsError('cancelled', '已取消。')
}

/** Whatever was thrown, as a TtsError. */
export function asTtsError(thrown: unknown): TtsError {
  if (thrown instanceof TtsError) return thrown
  const said = thrown instanceof Error ? thrown.message : String((thrown as Failure)?.errMsg || thrown)
  return new TtsError('internal', '小程序内部出错：请重试。', { said })
}

function sentence(status: number): string {
  if (status === 401) return '登录已失效：请重新进入小程序。'
  if (status === 413) return '文字太长：请分段朗读。'
  if (status === 429) return '请求太频繁：请稍后再试。'
  if (status >= 500) return '语音服务暂时不可用：请稍后再试。'
  return '语音服务没有接受这个请求。'
}
