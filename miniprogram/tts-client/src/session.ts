/** Who the user is: `wx.login` → `/auth/wechat` → a token, kept encrypted and fetched once for any number of callers. */

import { TtsError } from './errors'

type Platform = Pick<WechatMiniprogram.Wx, 'login' | 'getStorage' | 'setStorage' | 'removeStorage'>

interface Token {
  text: string
  savedMs: number
  expiresMs: number
}

/** Exchange a `wx.login` code for a token. */
export type Exchange = (code: string) => Promise<{ access_token: string; expires_in: number }>

const MARGIN = 0.1 // of a token's life: renewed before a request could arrive with a dead one

export class Session {
  private _token: Token | undefined
  private _pending: Promise<string> | undefined
  private _looked = false

  constructor(
    private _platform: Platform,
    private _key: string,
    private _exchange: Exchange,
  ) {}

  /** A token that should still hold; logs in where there is none. */
  async bearer(): Promise<string> {
    if (this._token && isFresh(this._token)) return this._token.text
    if (!this._pending) {
      const done = () => (this._pending = undefined)
      this._pending = this._find()
      this._pending.then(done, done)
    }
    return this._pending
  }

  /** The server refused `text`; a newer token that another caller fetched meanwhile stays. */
  drop(text: string): void {
    if (!this._token || this._token.text === text) this.forget()
  }

  /** Log out on this phone. */
  forget(): void {
    this._token = undefined
    this._looked = true
    this._platform.removeStorage({ key: this._key, fail: () => undefined })
  }

  private async _find(): Promise<string> {
    if (!this._looked) {
      this._looked = true
      this._token = await this._load()
      if (this._token && isFresh(this._token)) return this._token.text
    }
    const answer = await this._exchange(await this._code())
    const now = Date.now()
    this._token = { text: answer.access_token, savedMs: now, expiresMs: now + answer.expires_in * 1000 }
    this._save(this._token)
    return this._token.text
  }

  private _code(): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = (said: string) => reject(new TtsError('login_failed', '微信登录没有成功：请稍后再试。', { passing: true, said }))
      this._platform.login({
        success: ({ code, errMsg }) => (code ? resolve(code) : fail(errMsg)),
        fail: ({ errMsg }) => fail(errMsg),
      })
    })
  }

  private _load(): Promise<Token | undefined> {
    return new Promise((resolve) => {
      this._platform.getStorage({
        key: this._key,
        encrypt: true,
        success: ({ data }) => resolve(isToken(data) ? data : undefined),
        fail: () => resolve(undefined),
      })
    })
  }

  private _save(token: Token): void {
    // where encryption is missing the token stays in memory: better to log in again than to store it in the clear
    this._platform.setStorage({ key: this._key, data: token, encrypt: true, fail: () => undefined })
  }
}

function isFresh({ savedMs, expiresMs }: Token): boolean {
  const now = Date.now()
  return now >= savedMs && now < expiresMs - MARGIN * (expiresMs - savedMs) // a clock set back proves nothing
}

function isToken(data: unknown): data is Token {
  const token = data as Token
  return Boolean(token) && typeof token.text === 'string' && typeof token.savedMs === 'number' && typeof token.expiresMs === 'number'
}
