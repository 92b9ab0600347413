/** Long texts, made in the background by the server while the phone may sleep. */

import { unitsOf } from './clip'
import { refused, TtsError } from './errors'
import { pause, Signal } from './task'
import { hasSpeech } from './text'
import { Transport, URGENT } from './transport'

export interface JobPart {
  /** 0 for the first. */
  number: number
  url: string
  durationS: number
  /** Which stretch of the text it speaks. */
  begin: number
  end: number
}

export interface Job {
  id: string
  state: 'queued' | 'running' | 'done' | 'failed'
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
  /** When each stretch of the text is heard. */
  parts: JobPart[]
}

const FIRST_POLL_MS = 500
const SLOWEST_POLL_MS = 5000

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
  let told = 0 // where in the text the parts handed out end
  for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(SLOWEST_POLL_MS, waitMs * 1.5)) {
    const { data } = await transport.send({ path: pathOf(id), urgency: URGENT, signal })
    const job = jobOf(data, order.text)
    signal.check()
    if (handlers.onProgress) handlers.onProgress(job)
    for (const part of job.parts.filter(({ begin }) => begin >= told)) {
      // several are made at once: what follows a gap must wait, unless nothing in the gap is ever heard
      if (job.state !== 'done' && hasSpeech(order.text.slice(told, part.begin))) break
      told = part.end
      if (handlers.onPart) handlers.onPart(part)
    }
    if (job.state === 'done') return resultOf(data, job)
    if (job.state === 'failed') throw refused(0, { code: 'job_failed', ...data }, 0)
    await pause(waitMs, signal)
  }
}

async function createJob(transport: Transport, body: WechatMiniprogram.IAnyObject, signal: Signal): Promise<string> {
  // asked again after an interruption, it is the same job
  const header = { 'Idempotency-Key': `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}` }
  const { data } = await transport.send({ path: '/jobs', method: 'POST', data: body, header, urgency: URGENT, signal })
  if (!data || typeof data.id !== 'string') throw new TtsError('bad_answer', '语音服务的回答有误：请稍后再试。')
  return data.id
}

function jobOf(data: any, text: string): Job {
  const units = unitsOf(text)
  const given: any[] = data.parts || []
  const parts = given
    .filter((part) => part.audio_url)
    .map((part) => ({ number: part.number, url: part.audio_url, durationS: part.duration_s, begin: units(part.begin), end: units(part.end) }))
  return { id: data.id, state: data.state, progress: data.progress || 0, parts }
}

function resultOf(data: any, { id, parts }: Job): JobResult {
  return { id, url: data.audio_url, expiresMs: Date.parse(data.expires_at) || Date.now(), durationS: data.duration_s, parts }
}

function pathOf(id: string): string {
  return `/jobs/${encodeURIComponent(id)}`
}
