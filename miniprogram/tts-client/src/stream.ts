/** Sound while the rest of it is still being made. */

import { asTtsError, cancelled, refused, TtsError, unanswered } from './errors'
import { Timing, timingsOf, Warning, warningsOf } from './clip'
import { decodeUtf8, FrameParser } from './frames'
import { Signal } from './task'
import { Call, headerOf, retryAfterS, Transport } from './transport'

/** One sentence's sound. */
export interface Piece {
  /** 16-bit little-endian mono samples. */
  pcm: ArrayBuffer
  sampleRate: number
  /** Counted from the start of the whole text and of the whole sound. */
  timings: Timing[]
  warnings: Warning[]
  /** 0 to 1. */
  progress: number
}

export interface StreamHandlers {
  onStart?: (opening: { sampleRate: number; sentences: number }) => void
  onPiece: (piece: Piece) => void
}

export interface StreamEnd {
  pieces: number
  durationS: number
}

const STREAM_LIMIT_MS = 60000

/** Speak `body` and hand over each sentence as it comes. Tried again only while nothing has been heard. */
export function runStream(transport: Transport, body: WechatMiniprogram.IAnyObject, signal: Signal, handlers: StreamHandlers): Promise<StreamEnd> {
  const call: Call = { path: '/tts/stream', urgency: { urgent: true }, signal }
  return transport.persist(call, (authorization) => attempt(transport, body, authorization, signal, handlers))
}

function attempt(
  transport: Transport,
  body: WechatMiniprogram.IAnyObject,
  authorization: Record<string, string>,
  signal: Signal,
  handlers: StreamHandlers,
): Promise<StreamEnd> {
  return new Promise((resolve, reject) => {
    const reading = new Reading(String(body.text), handlers)
    let status = 0
    let failure: TtsError | undefined
    const early: ArrayBuffer[] = []
    const fail = (thrown: unknown) => {
      failure = asTtsError(thrown)
      task.abort()
      // heard once, the beginning must not be heard again
      reject(reading.pieces ? new TtsError(failure.code, failure.message, { ...failure, passing: false }) : failure)
    }
    const feed = (chunk: ArrayBuffer) => {
      if (failure) return
      try {
        reading.push(chunk)
      } catch (thrown) {
        fail(thrown)
      }
    }
    const task = transport.platform.request<ArrayBuffer>({
      url: `${transport.baseUrl}/tts/stream`,
      method: 'POST',
      data: body,
      header: { 'content-type': 'application/json', Accept: FRAMES, ...authorization },
      responseType: 'arraybuffer',
      enableChunked: true,
      timeout: STREAM_LIMIT_MS,
      success: (answer) => {
        forget()
        if (failure) return
        status = answer.statusCode
        const whole = answer.data instanceof ArrayBuffer && answer.data.byteLength ? [answer.data] : []
        if (status !== 200) {
          const text = decodeUtf8(new Uint8Array(early[0] || whole[0] || new ArrayBuffer(0)))
          return fail(refused(status, jsonOf(text), retryAfterS(headerOf(answer.header)('Retry-After'))))
        }
        // clients without chunks (WeChat on a computer) bring everything at the end
        for (const chunk of early.length ? early.splice(0) : reading.frames ? [] : whole) feed(chunk)
        if (failure) return
        try {
          resolve(reading.end())
        } catch (thrown) {
          fail(thrown)
        }
      },
      fail: (said) => {
        forget()
        if (!failure) fail(signal.cancelled ? cancelled() : unanswered(said))
      },
    })
    if (task.onHeadersReceived) {
      task.onHeadersReceived((received) => {
        status = (received as { statusCode?: number }).statusCode || status
        if (status === 200) early.splice(0).forEach(feed)
      })
    }
    if (task.onChunkReceived) {
      // until the status is known the bytes may be an error document
      task.onChunkReceived(({ data }) => (status === 200 || looksLikeFrames(data, reading, early) ? feed(data) : void early.push(data.slice(0))))
    }
    const forget = signal.onCancel(() => {
      task.abort()
      reject(cancelled())
    })
  })
}

const FRAMES = 'application/octet-stream'

// base libraries that do not tell the status early: a problem document begins with a brace, a frame with its type
function looksLikeFrames(data: ArrayBuffer, reading: Reading, early: ArrayBuffer[]): boolean {
  if (reading.bytes) return true
  if (early.length) return false
  return new Uint8Array(data)[0] === 0x4a
}

class Reading {
  frames = 0
  bytes = 0
  pieces = 0
  private _parser = new FrameParser()
  private _sampleRate = 0
  private _samples = 0
  private _note: any

  constructor(
    private _text: string,
    private _handlers: StreamHandlers,
  ) {}

  push(chunk: ArrayBuffer): void {
    this.bytes += chunk.byteLength
    for (const { type, payload } of this._parser.push(chunk)) {
      this.frames += 1
      if (type === 'J') this._read(jsonOf(decodeUtf8(payload)))
      else if (type === 'A') this._hear(payload.buffer as ArrayBuffer)
      else if (type === 'E') {
        const problem: any = jsonOf(decodeUtf8(payload))
        throw refused(problem.status || 502, problem, 0)
      }
    }
  }

  end(): StreamEnd {
    this._parser.close()
    return { pieces: this.pieces, durationS: this._samples / (this._sampleRate || 1) }
  }

  private _read(note: any): void {
    this._note = note
    if (!note.sample_rate) return
    this._sampleRate = note.sample_rate
    if (this._handlers.onStart) this._handlers.onStart({ sampleRate: note.sample_rate, sentences: note.sentences })
  }

  private _hear(pcm: ArrayBuffer): void {
    this.pieces += 1
    this._samples += pcm.byteLength / 2
    const { timings, warnings, progress } = this._note || {}
    this._note = undefined
    this._handlers.onPiece({
      pcm,
      sampleRate: this._sampleRate,
      timings: timingsOf(timings, this._text),
      warnings: warningsOf(warnings, this._text),
      progress: progress || 0,
    })
  }
}

function jsonOf(text: string): any {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
