/** Plays samples as they arrive, each piece exactly where the last one ends. */

import { TtsError } from './errors'
import { Signal } from './task'

type Platform = Pick<WechatMiniprogram.Wx, 'createWebAudioContext'>

const LEAD_S = 0.1 // so that the first piece is not begun in the past

export class PcmPlayer {
  private _context: WechatMiniprogram.WebAudioContext
  private _endS = 0

  constructor(platform: Platform) {
    if (typeof platform.createWebAudioContext !== 'function') {
      throw new TtsError('no_web_audio', '这台手机不能边合成边播放：请更新微信，或改用 speak。')
    }
    this._context = platform.createWebAudioContext()
  }

  add(pcm: ArrayBuffer, sampleRate: number): void {
    const samples = floatsOf(pcm)
    if (!samples.length) return
    const context = this._context
    const buffer = context.createBuffer(1, samples.length, sampleRate)
    buffer.copyToChannel(samples, 0, 0)
    const source = context.createBufferSource()
    source.buffer = buffer
    source.connect(context.destination)
    this._endS = Math.max(this._endS, context.currentTime + LEAD_S)
    source.start(this._endS)
    this._endS += samples.length / sampleRate
  }

  /** Resolves when the last sample has been heard, and frees the context. */
  async finish(signal: Signal): Promise<void> {
    const leftMs = Math.max(0, (this._endS - this._context.currentTime) * 1000)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, leftMs)
      signal.onCancel(() => {
        clearTimeout(timer)
        resolve()
      })
    })
    this.stop()
  }

  stop(): void {
    if (this._endS < 0) return
    this._endS = -1
    void this._context.close()
  }
}

/** 16-bit little-endian samples as numbers in [-1, 1). */
export function floatsOf(pcm: ArrayBuffer): Float32Array<ArrayBuffer> {
  const view = new DataView(pcm)
  const samples = new Float32Array(pcm.byteLength >> 1)
  for (let at = 0; at < samples.length; at += 1) samples[at] = view.getInt16(2 * at, true) / 32768
  return samples
}
