// A phone that can be computed: files, storage and network in memory, as the platform's documents describe them.

const GOOD = 'token-1'

class Phone {
  constructor() {
    this.env = { USER_DATA_PATH: 'wxfile://usr' }
    this.storage = new Map()
    this.files = new Map()
    this.quotaBytes = Infinity
    this.requests = []
    this.atOnce = 0
    this.mostAtOnce = 0
    this.logins = 0
    this.contexts = []
    this.interruption = { begin: new Set(), end: new Set() }
    this.downloads = 0
    this.temporary = 0
    // (request) → {status, data, header} or {fail: {errMsg, errno}}; may return a promise
    this.answer = (request) => this.speechServer(request)
    this.audioBytes = 1000
    this.made = 0
  }

  // ---- network ----

  speechServer({ url, data, header }) {
    if (url.endsWith('/auth/wechat')) return { status: 200, data: { access_token: GOOD, token_type: 'Bearer', expires_in: 900 } }
    if (header.Authorization !== `Bearer ${GOOD}`) return problem(401, 'unauthorized', '凭证无效。')
    this.made += 1
    const characters = [...data.text]
    return {
      status: 200,
      data: {
        audio_url: `https://tts.test/audio/${this.made}.mp3?expires=1`,
        expires_at: new Date(Date.now() + 3600e3).toISOString(),
        duration_s: characters.length * 0.2,
        characters: characters.length,
        cached: false,
        format: 'mp3',
        request_id: `r${this.made}`,
        timestamps: characters.map((text, n) => ({ begin_ms: n * 200, end_ms: n * 200 + 200, begin: n, end: n + 1, text })),
      },
    }
  }

  exchange(options, finish) {
    const request = { aborted: false, ...options, header: options.header || {} }
    this.requests.push(request)
    this.atOnce += 1
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce)
    Promise.resolve()
      .then(() => this.answer(request))
      .then((answer) => {
        this.atOnce -= 1
        if (request.aborted) return
        if (answer.fail) options.fail(answer.fail)
        else finish(answer, request)
      })
    return {
      abort: () => {
        request.aborted = true
        options.fail({ errMsg: 'request:fail abort' })
      },
      onChunkReceived: (listener) => (request.onChunk = listener),
      onHeadersReceived: (listener) => (request.onHeaders = listener),
    }
  }

  request = (options) =>
    this.exchange(options, (answer) =>
      options.success({ statusCode: answer.status, data: answer.data, header: answer.header || {}, errMsg: 'request:ok' }),
    )

  downloadFile = (options) => {
    if (this.download) return this.exchange(options, (answer) => options.success(answer))
    this.downloads += 1
    const tempFilePath = `wxfile://tmp/${(this.temporary += 1)}.mp3`
    const request = { url: options.url, aborted: false }
    this.requests.push(request)
    this.atOnce += 1
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce)
    Promise.resolve().then(() => {
      this.atOnce -= 1
      if (request.aborted) return
      this.files.set(tempFilePath, 'x'.repeat(this.audioBytes))
      options.success({ statusCode: 200, tempFilePath, errMsg: 'downloadFile:ok' })
    })
    return {
      abort: () => {
        request.aborted = true
        options.fail({ errMsg: 'downloadFile:fail abort' })
      },
    }
  }

  uploadFile = (options) =>
    this.exchange(options, (answer) => options.success({ statusCode: answer.status, data: JSON.stringify(answer.data) }))

  login = ({ success }) => {
    this.logins += 1
    const code = `code-${this.logins}`
    Promise.resolve().then(() => success({ code, errMsg: 'login:ok' }))
  }

  // ---- storage ----

  getStorage = ({ key, encrypt, success, fail }) => {
    const kept = this.storage.get(key)
    Promise.resolve().then(() =>
      kept && kept.encrypt === Boolean(encrypt) ? success({ data: JSON.parse(kept.text) }) : fail({ errMsg: 'getStorage:fail data not found' }),
    )
  }

  setStorage = ({ key, data, encrypt, fail }) => {
    const text = JSON.stringify(data)
    if (text.length > 1 << 20) return fail({ errMsg: 'setStorage:fail exceed storage max size' })
    this.storage.set(key, { text, encrypt: Boolean(encrypt) })
  }

  removeStorage = ({ key }) => this.storage.delete(key)

  // ---- files ----

  getFileSystemManager = () => {
    const act =
      (name, work) =>
      ({ success, fail, ...options }) =>
        Promise.resolve().then(() => {
          try {
            success(work(options))
          } catch (error) {
            fail({ errMsg: `${name}:fail ${error.message}` })
          }
        })
    const held = () => [...this.files].filter(([path]) => path.startsWith('wxfile://usr')).reduce((sum, [, text]) => sum + text.length, 0)
    const put = (path, text) => {
      const before = (this.files.get(path) || '').length
      if (held() - before + text.length > this.quotaBytes) throw new Error('the maximum size of the file storage limit is exceeded')
      this.files.set(path, text)
      return {}
    }
    const get = (path) => {
      if (!this.files.has(path)) throw new Error(`no such file or directory ${path}`)
      return this.files.get(path)
    }
    return {
      mkdir: act('mkdir', () => ({})),
      readdir: act('readdir', ({ dirPath }) => ({
        files: [...this.files.keys()].filter((path) => path.startsWith(`${dirPath}/`)).map((path) => path.slice(dirPath.length + 1)),
      })),
      access: act('access', ({ path }) => (get(path), {})),
      stat: act('stat', ({ path }) => ({ stats: { size: get(path).length } })),
      readFile: act('readFile', ({ filePath }) => ({ data: get(filePath) })),
      writeFile: act('writeFile', ({ filePath, data }) => put(filePath, data)),
      saveFile: act('saveFile', ({ tempFilePath, filePath }) => {
        put(filePath, get(tempFilePath))
        this.files.delete(tempFilePath)
        return {}
      }),
      unlink: act('unlink', ({ filePath }) => {
        get(filePath)
        this.files.delete(filePath)
        return {}
      }),
    }
  }

  kept() {
    return [...this.files.keys()].filter((path) => path.startsWith('wxfile://usr') && !path.endsWith('.json'))
  }

  // ---- sound ----

  createInnerAudioContext = () => {
    const context = new AudioContext()
    this.contexts.push(context)
    return context
  }

  get context() {
    return this.contexts[this.contexts.length - 1]
  }

  getBackgroundAudioManager = () => (this.manager = this.manager || new BackgroundManager())

  setInnerAudioOption = (option) => (this.audioOption = option)
  onAudioInterruptionBegin = (listener) => this.interruption.begin.add(listener)
  onAudioInterruptionEnd = (listener) => this.interruption.end.add(listener)
  offAudioInterruptionBegin = (listener) => this.interruption.begin.delete(listener)
  offAudioInterruptionEnd = (listener) => this.interruption.end.delete(listener)
  call() {
    this.interruption.begin.forEach((listener) => listener())
  }
  hangUp() {
    this.interruption.end.forEach((listener) => listener())
  }
}

class Emitter {
  constructor(names) {
    this.listeners = {}
    for (const name of names) this[`on${name}`] = (listener) => (this.listeners[name] = listener)
  }
  emit(name, event) {
    if (this.listeners[name]) this.listeners[name](event)
  }
}

/** Plays in step with the (fake) clock, from `play()` to the end of `lengthS`. */
class AudioContext extends Emitter {
  constructor() {
    super(['Play', 'Pause', 'Waiting', 'Ended', 'Error', 'Stop', 'TimeUpdate', 'Canplay'])
    this.state = 'new'
    this.startTime = 0
    this.playbackRate = 1
    this.fromS = 0
    this.sinceMs = 0
  }
  get currentTime() {
    return this.state === 'playing' ? this.fromS + ((Date.now() - this.sinceMs) / 1000) * this.playbackRate : this.fromS
  }
  play() {
    if (this.state === 'new') this.fromS = this.startTime
    this.state = 'playing'
    this.sinceMs = Date.now()
    this.emit('Play')
  }
  pause() {
    this.fromS = this.currentTime
    this.state = 'paused'
    this.emit('Pause')
  }
  seek(atS) {
    this.fromS = atS
    this.sinceMs = Date.now()
  }
  stop() {
    this.state = 'stopped'
  }
  destroy() {
    this.state = 'destroyed'
  }
  end() {
    this.fromS = this.currentTime
    this.state = 'ended'
    this.emit('Ended')
  }
}

class BackgroundManager extends Emitter {
  constructor() {
    super(['Play', 'Pause', 'Waiting', 'Ended', 'Error', 'Stop', 'Prev', 'Next', 'Canplay', 'TimeUpdate'])
    this.sources = []
    this.currentTime = 0
    this.state = 'idle'
  }
  set src(value) {
    if (!this.title) throw new Error('no title')
    if (!/^https?:/.test(value)) throw new Error('network links only')
    this.sources.push(value)
    this.currentTime = this.startTime
    this.play()
  }
  play() {
    this.state = 'playing'
    this.emit('Play')
  }
  pause() {
    this.state = 'paused'
    this.emit('Pause')
  }
  stop() {
    this.state = 'stopped'
    this.emit('Stop')
  }
  seek(atS) {
    this.currentTime = atS
  }
}

function problem(status, code, detail, header = {}) {
  return { status, header, data: { type: 'about:blank', title: '', status, code, detail, error: detail, request_id: 'r-problem' } }
}

/** Let promises that need no timer run. */
async function settle() {
  for (let turn = 0; turn < 60; turn += 1) await Promise.resolve()
}

module.exports = { Phone, problem, settle, GOOD }
