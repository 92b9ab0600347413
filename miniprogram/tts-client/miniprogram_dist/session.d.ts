/** Who the user is: `wx.login` → `/auth/wechat` → a token, kept encrypted and fetched once for any number of callers. */
type Platform = Pick<WechatMiniprogram.Wx, 'login' | 'getStorage' | 'setStorage' | 'removeStorage'>;
/** Exchange a `wx.login` code for a token. */
export type Exchange = (code: string) => Promise<{
    access_token: string;
    expires_in: number;
}>;
export declare class Session {
    private _platform;
    private _key;
    private _exchange;
    private _token;
    private _pending;
    private _looked;
    constructor(_platform: Platform, _key: string, _exchange: Exchange);
    /** A token that should still hold; logs in where there is none. */
    bearer(): Promise<string>;
    /** The server refused `text`; a newer token that another caller fetched meanwhile stays. */
    drop(text: string): void;
    /** Log out on this phone. */
    forget(): void;
    private _find;
    private _code;
    private _load;
    private _save;
}
export {};
