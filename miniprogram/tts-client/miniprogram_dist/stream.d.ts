/** Sound while the rest of it is still being made. */
import { Timing, Warning } from './clip';
import { Signal } from './task';
import { Transport } from './transport';
/** One sentence's sound. */
export interface Piece {
    /** 16-bit little-endian mono samples. */
    pcm: ArrayBuffer;
    sampleRate: number;
    /** Counted from the start of the whole text and of the whole sound. */
    timings: Timing[];
    warnings: Warning[];
    /** 0 to 1. */
    progress: number;
}
export interface StreamHandlers {
    onStart?: (opening: {
        sampleRate: number;
    }) => void;
    onPiece: (piece: Piece) => void;
}
export interface StreamEnd {
    pieces: number;
    durationS: number;
}
/** Speak `body` and hand over each sentence as it comes. Tried again only while nothing has been heard. */
export declare function runStream(transport: Transport, body: WechatMiniprogram.IAnyObject, signal: Signal, handlers: StreamHandlers): Promise<StreamEnd>;
