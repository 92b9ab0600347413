/** The stream's frames: type (1 byte), length (u32 little-endian), payload. Chunks may cut them anywhere. */
export interface Frame {
    /** `J` JSON, `A` audio, `E` problem, `Z` end. */
    type: string;
    payload: Uint8Array;
}
/** Collects bytes and hands out each frame once it is whole. */
export declare class FrameParser {
    private _chunks;
    private _held;
    ended: boolean;
    /** Frames that `chunk` completes. Throws on what is no frame, and on bytes after the end. */
    push(chunk: ArrayBuffer): Frame[];
    /** The connection has closed. Throws unless the stream was complete. */
    close(): void;
    private _next;
    private _peek;
    private _take;
}
/** UTF-8 bytes as a string; `TextDecoder` is not on every phone. */
export declare function decodeUtf8(bytes: Uint8Array): string;
export declare function concat(chunks: Uint8Array[]): Uint8Array;
