/** Long texts, made in the background by the server while the phone may sleep. */

import { Timing, timingsOf } from './clip'
import { refused, TtsError } from './errors'
import { pause, Signal } from './task'
import { Transport, URGENT } from './transport'

export interface JobPart {
  index: number
  url: string
  durationS: number
  begin: number
  end: number
}

export interface Job {
  id: string
  status: string
  /** 0 to 1. */
  progress: number
  parts: JobPart[]
}

export interface JobHandlers {
  /** The job is accepted; its id is what `resumeJob` wants. */
  onCreate?: ((id: string) => void) | undefined
  onProgress?: ((job: Job) => void) | undefined
  /** A part can be played while the rest is made; called in order. */
  onPart?: ((part: JobPart) => void) | undefined
}

export interface JobResult {
  id: string
  url: string
  expiresMs: number
  durationS: number
  timings: Timing[]
}

const FIRST_POLL_MS = 500
const SLOWEST_POLL_MS = 5000
const DONE = 'done'
const FAILED = /^(failed|cancelled|expired)$/

interface Order {
  text: string
  /** Of a new job. */
  body?: WechatMiniprogram.IAnyObject
  /** Of one that exists. */
  id?: string
}

/** Create the job unless it exists, and wait for its end. */
export async function watchJob(transport: Transport, order: Order, handlers: JobHandlers, signal: Signal): Promise<JobResult> {
  const id = order.id || (await createJob(transport, order.body || {}, signal))
  if (handlers.onCreate) handlers.onCreate(id)
  signal.onCancel(() => {
    const call = { path: pathOf(id), method: 'DELETE' as const, urgency: URGENT, signal: new Signal() }
    transport.send(call).catch(() => undefined) // it expires by itself
  })
  const seen = new Set<number>()
  for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(SLOWEST_POLL_MS, waitMs * 1.5)) {
    const { data } = await transport.send({ path: pathOf(id), urgency: URGENT, signal })
    const job = jobOf(data)
    signal.check()
    if (handlers.onProgress) handlers.onProgress(job)
    for (const part of job.parts) {
      if (seen.has(part.index)) continue
      seen.add(part.index)
      if (handlers.onPart) handlers.onPart(part)
    }
    if (job.status === DONE) return resultOf(id, data, order.text)
    if (FAILED.test(job.status)) throw failureOf(job.status, data)
    await pause(waitMs, signal)
  }
}

async function createJob(transport: Transport, body: WechatMiniprogram.IAnyObject, signal: Signal): Promise<string> {
  const { data } = await transport.send({ path: '/jobs', method: 'POST', data: body, urgency: URGENT, signal, once: true })
  if (!data || typeof data.id !== 'string') throw new TtsError('bad_answer', '语音服务的回答有误：请稍后再试。')
  return data.id
}

function jobOf(data: any): Job {
  const parts: any[] = Array.isArray(data.parts) ? data.parts : []
  return {
    id: data.id,
    status: data.status,
    progress: data.progress || 0,
    parts: parts
      .filter((part) => part.audio_url)
      .map((part) => ({ index: part.index, url: part.audio_url, durationS: part.duration_s, begin: part.begin, end: part.end })),
  }
}

function resultOf(id: string, data: any, text: string): JobResult {
  return {
    id,
    url: data.audio_url,
    expiresMs: Date.parse(data.expires_at) || Date.now(),
    durationS: data.duration_s,
    timings: timingsOf(data.timestamps, text),
  }
}

function failureOf(status: string, data: any): TtsError {
  const problem = data.problem || data.error || {}
  const body = typeof problem === 'string' ? { code: status, detail: problem } : { code: status, ...problem }
  return refused(data.http_status || 500, body, 0)
}

function pathOf(id: string): string {
  return `/jobs/${encodeURIComponent(id)}`
}
