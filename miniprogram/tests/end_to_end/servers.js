// Starts the real proxy, engine and worker in Python, and speaks to them over its standard input and output.

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const readline = require('node:readline')

const ROOT = path.join(__dirname, '..', '..', '..')
const PYTHON = path.join(ROOT, '.venv', 'bin', 'python')

/** Why the servers cannot be started here; empty where they can. */
function obstacle() {
  return fs.existsSync(PYTHON) ? '' : '没有 .venv，无法启动真实的服务：请先在仓库根目录运行 bash start_app.sh --install'
}

class Servers {
  constructor() {
    this.process = spawn(PYTHON, [path.join(__dirname, 'server.py')], { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] })
    this.errors = ''
    this.waiting = []
    this.process.stderr.on('data', (data) => (this.errors = (this.errors + data).slice(-4000)))
    readline.createInterface({ input: this.process.stdout }).on('line', (line) => this.waiting.shift().resolve(JSON.parse(line)))
    this.ended = new Promise((resolve) => this.process.on('exit', resolve))
    this.ended.then(() => this.waiting.splice(0).forEach(({ reject }) => reject(new Error(`the servers ended:\n${this.errors}`))))
  }

  async ready() {
    return this.listen()
  }

  async do(name, ...values) {
    const heard = this.listen()
    this.process.stdin.write(`${JSON.stringify({ do: name, with: values })}\n`)
    return (await heard).answer
  }

  listen() {
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
  }

  /** They end when nobody speaks to them any more. */
  async stop() {
    this.process.stdin.end()
    await this.ended
  }
}

module.exports = { Servers, obstacle }
