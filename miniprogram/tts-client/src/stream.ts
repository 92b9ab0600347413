/** Sound while the rest of it is still being made. */

import { asTtsError, cancelled, refused, TtsError, unanswered } from './errors'
import { Timing, timingsOf, Warning, warningsOf } from './clip'
import { concat, decodeUtf8, FrameParser } from './frames'
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
  onStart?: (opening: { sampleRate: number }) => void
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
    let failure: TtsError | undefined
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
      data: { ...body, format: 'pcm' },
      header: { 'content-type': 'application/json', Accept: FRAMES, ...authorization },
      responseType: 'arraybuffer',
      enableChunked: true,
      timeout: STREAM_LIMIT_MS,
      success: ({ statusCode, data, header }) => {
        forget()
        // clients without chunks (WeChat on a computer) bring everything at the end
        if (data instanceof ArrayBuffer && !reading.bytes) feed(data)
        if (failure) return
        if (statusCode !== 200) return fail(refused(statusCode, reading.problem(), retryAfterS(headerOf(header)('Retry-After'))))
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
    if (task.onChunkReceived) task.onChunkReceived(({ data }) => feed(data))
    const forget = signal.onCancel(() => {
      task.abort()
      reject(cancelled())
    })
  })
}

const FRAMES = 'application/octet-stream'

const BRACE = 0x7b // a problem document begins with it, a frame with its type

class Reading {
  bytes = 0
  pieces = 0
  private _parser = new FrameParser()
  private _sampleRate = 0
  private _samples = 0
  private _note: any
  private _refusal: Uint8Array[] = []

  constructor(
    private _text: string,
    private _handlers: StreamHandlers,
  ) {}

  push(chunk: ArrayBuffer): void {
    const isRefusal = this.bytes ? this._refusal.length : new Uint8Array(chunk)[0] === BRACE
    this.bytes += chunk.byteLength
    if (isRefusal) return void this._refusal.push(new Uint8Array(chunk.slice(0)))
    for (const { type, payload } of this._parser.push(chunk)) {
      if (type === 'J') this._read(jsonOf(decodeUtf8(payload)))
      else if (type === 'A') this._hear(payload.buffer as ArrayBuffer)
      else if (type === 'E') {
        const problem: any = jsonOf(decodeUtf8(payload))
        throw refused(problem.status || 502, problem, 0)
      }
    }
  }

  /** What an answer other than 200 says. */
  problem(): unknown {
    return jsonOf(decodeUtf8(concat(this._refusal)))
  }

  end(): StreamEnd {
    this._parser.close()
    return { pieces: this.pieces, durationS: this._samples / (this._sampleRate || 1) }
  }

  private _read(note: any): void {
    this._note = note
    if (!note.sample_rate) return
    this._sampleRate = note.sample_rate
    if (this._handlers.onStart) this._handlers.onStart({ sampleRate: note.sample_rate })
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
