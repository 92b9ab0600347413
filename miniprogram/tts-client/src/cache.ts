/** Sounds kept as files: the least recently used go first, and a full phone is no failure. */

import { Clip } from './clip'

type Platform = Pick<WechatMiniprogram.Wx, 'getFileSystemManager' | 'env' | 'getStorage' | 'setStorage'>
type Kept = Pick<Clip, 'durationS' | 'timings' | 'warnings' | 'url' | 'expiresMs'>

interface Entry {
  name: string
  bytes: number
  usedMs: number
  madeMs: number
}
type Index = Record<string, Entry>
type Outcome = { success?: (result: any) => void; fail?: (failure: { errMsg: string }) => void }

const SAVE_DELAY_MS = 500

export class FileCache {
  private readonly _folder: string
  private readonly _key: string
  private _opening: Promise<Index> | undefined
  private _saving: ReturnType<typeof setTimeout> | undefined

  constructor(
    private _platform: Platform,
    name: string,
    private _maxBytes: number,
    private _maxAgeMs: number,
  ) {
    this._folder = `${_platform.env.USER_DATA_PATH}/${name}`
    this._key = `${name}-index`
  }

  /** The kept sound for `key`, if its file is still there. */
  async find(key: string): Promise<Clip | undefined> {
    const index = await this._open()
    const entry = index[hash(key)]
    if (!entry) return undefined
    const clip = await this._read(entry, key)
    if (!clip || Date.now() - entry.madeMs > this._maxAgeMs) {
      await this._drop(index, hash(key))
      return undefined
    }
    entry.usedMs = Date.now()
    this._saveSoon(index)
    return clip
  }

  /** Move the temporary file into the cache; returns `clip` with its new path, or with the temporary one if there is no room. */
  async keep(key: string, clip: Clip, temporary: string): Promise<Clip> {
    const index = await this._open()
    const name = `${hash(key)}${extensionOf(clip.url)}`
    const bytes = await this._size(temporary)
    if (!bytes || bytes > this._maxBytes) return { ...clip, path: temporary }
    await this._makeRoom(index, this._maxBytes - bytes)
    let written = await this._write(name, key, clip, temporary)
    if (!written) {
      await this._makeRoom(index, totalOf(index) / 2) // the phone's own limit came first
      written = await this._write(name, key, clip, temporary)
    }
    if (!written) return { ...clip, path: temporary } // still playable, until the program is closed
    index[hash(key)] = { name, bytes, usedMs: Date.now(), madeMs: Date.now() }
    this._saveSoon(index)
    return { ...clip, path: this._pathOf(name) }
  }

  /** Forget one sound, for instance because its file does not play. */
  async forget(key: string): Promise<void> {
    const index = await this._open()
    await this._drop(index, hash(key))
  }

  /** Remove every file. */
  async clear(): Promise<void> {
    const index = await this._open()
    await this._makeRoom(index, 0)
  }

  /** How many bytes are kept. */
  async bytes(): Promise<number> {
    return totalOf(await this._open())
  }

  private _open(): Promise<Index> {
    if (!this._opening) this._opening = this._load()
    return this._opening
  }

  // files without an entry, of a run that ended half-way, and entries without a file: both go
  private async _load(): Promise<Index> {
    const stored = await new Promise<unknown>((resolve) =>
      this._platform.getStorage({ key: this._key, success: ({ data }) => resolve(data), fail: () => resolve(undefined) }),
    )
    await this._call('mkdir', { dirPath: this._folder, recursive: true })
    const listed = await this._call('readdir', { dirPath: this._folder })
    const files = new Set<string>(listed ? listed.files : [])
    const index: Index = {}
    const named = new Set<string>()
    for (const [key, entry] of Object.entries((stored || {}) as Index)) {
      if (!entry || !files.has(entry.name)) continue
      index[key] = entry
      named.add(entry.name).add(`${entry.name}.json`)
    }
    await Promise.all([...files].filter((name) => !named.has(name)).map((name) => this._unlink(name)))
    return index
  }

  private async _read(entry: Entry, key: string): Promise<Clip | undefined> {
    const path = this._pathOf(entry.name)
    if (!(await this._call('access', { path }))) return undefined
    const note = await this._call('readFile', { filePath: `${path}.json`, encoding: 'utf8' })
    try {
      const { key: written, ...kept } = JSON.parse(note.data) as Kept & { key: string }
      return written === key ? { ...kept, path, cached: 'phone', requestId: '' } : undefined
    } catch {
      return undefined // half-written
    }
  }

  private async _write(name: string, key: string, clip: Clip, temporary: string): Promise<boolean> {
    const { durationS, timings, warnings, url, expiresMs } = clip
    const data = JSON.stringify({ key, durationS, timings, warnings, url, expiresMs })
    const filePath = this._pathOf(name)
    const written =
      (await this._call('writeFile', { filePath: `${filePath}.json`, data, encoding: 'utf8' })) &&
      (await this._call('saveFile', { tempFilePath: temporary, filePath }))
    if (!written) await this._unlink(`${name}.json`)
    return Boolean(written)
  }

  private async _makeRoom(index: Index, target: number): Promise<void> {
    const oldest = Object.keys(index).sort((a, b) => (index[a] as Entry).usedMs - (index[b] as Entry).usedMs)
    for (const key of oldest) {
      if (totalOf(index) <= target) return
      await this._drop(index, key)
    }
  }

  private async _drop(index: Index, key: string): Promise<void> {
    const entry = index[key]
    if (!entry) return
    delete index[key]
    this._saveSoon(index)
    await Promise.all([this._unlink(entry.name), this._unlink(`${entry.name}.json`)])
  }

  private _saveSoon(index: Index): void {
    if (this._saving !== undefined) return
    this._saving = setTimeout(() => {
      this._saving = undefined
      // without an index the files are swept away at the next start, which only costs a download
      this._platform.setStorage({ key: this._key, data: index, fail: () => undefined })
    }, SAVE_DELAY_MS)
  }

  private async _size(path: string): Promise<number> {
    const found = await this._call('stat', { path })
    return found ? found.stats.size : 0
  }

  private _unlink(name: string): Promise<unknown> {
    return this._call('unlink', { filePath: this._pathOf(name) })
  }

  private _pathOf(name: string): string {
    return `${this._folder}/${name}`
  }

  /** What the file system answers, or undefined where it refuses. */
  private _call(method: string, options: object): Promise<any> {
    return new Promise((resolve) => {
      const files = this._platform.getFileSystemManager() as unknown as Record<string, (options: Outcome) => void>
      ;(files[method] as (options: Outcome) => void).call(files, { ...options, success: resolve, fail: () => resolve(undefined) })
    })
  }
}

// iOS trusts the extension more than the content
function extensionOf(url: string): string {
  const match = /\.\w+(?=\?|$)/.exec(url)
  return match ? match[0] : '.mp3'
}

function totalOf(index: Index): number {
  return Object.values(index).reduce((sum, { bytes }) => sum + bytes, 0)
}

/** 106 bits of a text, for a file name; the text itself is kept beside the sound and compared. */
export function hash(text: string): string {
  return half(text, 0x9e3779b9) + half(text, 0x85ebca6b)
}

// cyrb53 by bryc (public domain)
function half(text: string, seed: number): string {
  let a = 0xdeadbeef ^ seed
  let b = 0x41c6ce57 ^ seed
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    a = Math.imul(a ^ unit, 2654435761)
    b = Math.imul(b ^ unit, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36)
}
