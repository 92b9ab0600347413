/** Sounds kept as files: the least recently used go first, and a full phone is no failure. */
import { Clip } from './clip';
type Platform = Pick<WechatMiniprogram.Wx, 'getFileSystemManager' | 'env' | 'getStorage' | 'setStorage'>;
export declare class FileCache {
    private _platform;
    private _maxBytes;
    private _maxAgeMs;
    private readonly _folder;
    private readonly _key;
    private _opening;
    private _saving;
    constructor(_platform: Platform, name: string, _maxBytes: number, _maxAgeMs: number);
    /** The kept sound for `key`, if its file is still there. */
    find(key: string): Promise<Clip | undefined>;
    /** Move the temporary file into the cache; returns `clip` with its new path, or with the temporary one if there is no room. */
    keep(key: string, clip: Clip, temporary: string): Promise<Clip>;
    /** Forget one sound, for instance because its file does not play. */
    forget(key: string): Promise<void>;
    /** Remove every file. */
    clear(): Promise<void>;
    /** How many bytes are kept. */
    bytes(): Promise<number>;
    private _open;
    private _load;
    private _read;
    private _write;
    private _makeRoom;
    private _drop;
    private _saveSoon;
    private _size;
    private _unlink;
    private _pathOf;
    /** What the file system answers, or undefined where it refuses. */
    private _call;
}
/** 106 bits of a text, for a file name; the text itself is kept beside the sound and compared. */
export declare function hash(text: string): string;
export {};
