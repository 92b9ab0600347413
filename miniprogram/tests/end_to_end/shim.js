// `wx` on Node: real HTTPS, real files; as strict as the platform about domains, methods and concurrency.

const fs = require('node:fs')
const https = require('node:https')
const os = require('node:os')
const path = require('node:path')
const { Phone } = require('../phone')

const CONCURRENCY = 10
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS']

class RealPhone extends Phone {
  /** `code()` gives what `wx.login` would. */
  constructor({ url, certificate, code }) {
    super()
    this.domain = new URL(url).host
    this.agent = new https.Agent({ ca: certificate, keepAlive: true, maxSockets: CONCURRENCY })
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'phone-'))
    this.env = { USER_DATA_PATH: path.join(this.folder, 'usr') }
    fs.mkdirSync(this.env.USER_DATA_PATH)
    this.code = code
    this.statuses = []
    this.chunks = 0
  }

  close() {
    this.agent.destroy()
    fs.rmSync(this.folder, { recursive: true })
  }

  login = ({ success, fail }) => {
    this.logins += 1
    this.code().then(
      (code) => success({ code, errMsg: 'login:ok' }),
      (error) => fail({ errMsg: `login:fail ${error.message}` }),
    )
  }

  request = (options) => {
    const body = options.data === undefined ? undefined : Buffer.from(JSON.stringify(options.data))
    return this.exchange(options, body, (response, bytes) => {
      const data = options.responseType === 'arraybuffer' ? toArrayBuffer(options.enableChunked ? Buffer.alloc(0) : bytes) : jsonOrText(bytes)
      options.success({ statusCode: response.statusCode, header: headersOf(response), data, errMsg: 'request:ok' })
    })
  }

  downloadFile = (options) =>
    this.exchange({ ...options, method: 'GET' }, undefined, (response, bytes) => {
      const kind = { 'audio/mpeg': '.mp3', 'audio/wav': '.wav' }[response.headers['content-type']] || '.bin'
      const tempFilePath = path.join(this.folder, `tmp-${(this.temporary += 1)}${kind}`)
      fs.writeFileSync(tempFilePath, bytes) // an error document too, as the platform does
      this.downloads += 1
      options.success({ statusCode: response.statusCode, header: headersOf(response), tempFilePath, errMsg: 'downloadFile:ok' })
    })

  /** As the platform does it: fields first, then the file; always POST; the answer's body as text. */
  uploadFile = (options) => {
    const boundary = `phone-${(this.temporary += 1)}-${Date.now()}`
    const fields = Object.entries(options.formData || {}).map(([name, value]) => part(boundary, `name="${name}"`, Buffer.from(String(value))))
    const about = `name="${options.name}"; filename="${path.basename(options.filePath)}"`
    const body = Buffer.concat([...fields, part(boundary, about, fs.readFileSync(options.filePath)), Buffer.from(`--${boundary}--\r\n`)])
    const header = { ...options.header, 'content-type': `multipart/form-data; boundary=${boundary}` }
    return this.exchange({ ...options, method: 'POST', header }, body, (response, bytes) =>
      options.success({ statusCode: response.statusCode, data: bytes.toString('utf8'), errMsg: 'uploadFile:ok' }),
    )
  }

  exchange(options, body, finish) {
    const { method = 'GET', url, header = {}, timeout = 60000 } = options
    const heard = {}
    let done = false
    const end = (action) => {
      if (done) return
      done = true
      this.atOnce -= 1
      action()
    }
    const fail = (errMsg, errno) => end(() => options.fail({ errMsg: `request:fail ${errMsg}`, errno }))
    if (!METHODS.includes(method)) throw new Error(`wx.request knows no ${method}`)
    this.atOnce += 1
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce)
    if (this.atOnce > CONCURRENCY) throw new Error('more at once than the platform allows')
    if (new URL(url).host !== this.domain) {
      setImmediate(fail, 'url not in domain list', 600002)
      return { abort() {} }
    }
    const headers = body ? { ...header, 'content-length': body.length } : header
    const request = https.request(url, { method, headers, agent: this.agent }, (response) => {
      if (heard.headers) heard.headers({ statusCode: response.statusCode, header: headersOf(response) })
      const chunks = []
      response.on('data', (chunk) => {
        this.chunks += 1
        chunks.push(chunk)
        if (options.enableChunked && heard.chunk && !done) heard.chunk({ data: toArrayBuffer(chunk) })
      })
      response.on('end', () => {
        this.statuses.push(response.statusCode)
        end(() => finish(response, Buffer.concat(chunks)))
      })
      response.on('error', (error) => fail(error.message, 600003))
    })
    request.setTimeout(timeout, () => {
      fail('timeout', 5)
      request.destroy()
    })
    request.on('error', (error) => fail(error.message, 600001))
    request.end(body)
    return {
      abort: () => {
        fail('abort')
        request.destroy()
      },
      onChunkReceived: (listener) => (heard.chunk = listener),
      onHeadersReceived: (listener) => (heard.headers = listener),
    }
  }

  getFileSystemManager = () => {
    const act =
      (work) =>
      ({ success, fail, ...options }) =>
        setImmediate(() => {
          let result
          try {
            result = work(options) || {}
          } catch (error) {
            return fail({ errMsg: error.message })
          }
          return success(result)
        })
    return {
      mkdir: act(({ dirPath, recursive }) => void fs.mkdirSync(dirPath, { recursive })),
      readdir: act(({ dirPath }) => ({ files: fs.readdirSync(dirPath) })),
      access: act((options) => fs.accessSync(options.path)),
      stat: act((options) => ({ stats: fs.statSync(options.path) })),
      readFile: act(({ filePath, encoding }) => ({ data: fs.readFileSync(filePath, encoding) })),
      writeFile: act(({ filePath, data }) => fs.writeFileSync(filePath, data)),
      saveFile: act(({ tempFilePath, filePath }) => fs.renameSync(tempFilePath, filePath)),
      unlink: act(({ filePath }) => fs.unlinkSync(filePath)),
    }
  }
}

function part(boundary, about, bytes) {
  return Buffer.concat([Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${about}\r\n\r\n`), bytes, Buffer.from('\r\n')])
}

// iOS gives them as the server wrote them, Android in lower case: neither may matter
function headersOf({ rawHeaders }) {
  const headers = {}
  for (let n = 0; n < rawHeaders.length; n += 2) headers[n % 4 ? rawHeaders[n] : rawHeaders[n].toLowerCase()] = rawHeaders[n + 1]
  return headers
}

function jsonOrText(bytes) {
  const text = bytes.toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function toArrayBuffer(bytes) {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
}

module.exports = { RealPhone }
