/** Plays samples as they arrive, each piece exactly where the last one ends. */
import { Signal } from './task';
type Platform = Pick<WechatMiniprogram.Wx, 'createWebAudioContext'>;
export declare class PcmPlayer {
    private _context;
    private _endS;
    constructor(platform: Platform);
    add(pcm: ArrayBuffer, sampleRate: number): void;
    /** Resolves when the last sample has been heard, and frees the context. */
    finish(signal: Signal): Promise<void>;
    stop(): void;
}
/** 16-bit little-endian samples as numbers in [-1, 1). */
export declare function floatsOf(pcm: ArrayBuffer): Float32Array<ArrayBuffer>;
export {};
