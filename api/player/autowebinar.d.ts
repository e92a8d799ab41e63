// The player client of AutoWebinar, served at {base}/player.js as an ES module and
// at {base}/player.classic.js as a script that sets window.AutoWebinar.

/**
 * Reports to the service what a viewer does with a video: it enters at the first
 * play, moves the video to the stored position, reports the position during playback
 * and when it stops, and leaves when the page is closed. While the service cannot be
 * reached the video plays, and reports are kept and delivered later.
 *
 * @throws TypeError without a webinar id, or if the player is not supported
 */
export function attach(player: Player, options?: Partial<Options>): Attachment;

/**
 * The supported players. The adapters for Vimeo (`@vimeo/player`) and YouTube
 * (IFrame API) are loaded from {base}/player/ on demand.
 */
export type Player = Media | VideoJSPlayer | PlyrPlayer | VimeoPlayer | YouTubePlayer;

/** An HTMLMediaElement or an object with the same behavior. */
export type Media = EventTarget & Pick<HTMLMediaElement, 'currentTime' | 'duration' | 'ended' | 'paused' | 'readyState' | 'seeking'> & {
  pause(): void;
  /** Called by detach(). */
  close?(): void;
};
export interface VideoJSPlayer { ready(callback: () => void): unknown; tech(safety?: unknown): any; }
export interface PlyrPlayer { provider: string; elements: object; once(event: any, callback: (event: any) => void): void; }
export interface VimeoPlayer { setCurrentTime(seconds: number): Promise<number>; getCurrentTime(): Promise<number>; on(event: any, callback: any): void; }
export interface YouTubePlayer { getIframe(): HTMLIFrameElement; addEventListener(event: any, listener: any): void; }

export interface Options {
  /** Default: `data-webinar` of the script tag. */
  webinarId: string;
  /** The base path of the service. Default: `data-base`, else the directory of player.js, the REST root of WordPress, or /wp-json/autowebinar/v1. */
  base?: string;
  /** A wp_rest nonce for the WordPress login cookie. Default: `data-nonce`, else `wpApiSettings.nonce`. */
  nonce?: string;
  /** The address of a new nonce as plain text. Default: `data-nonce-url`, else admin-ajax.php?action=rest-nonce of WordPress. */
  nonceUrl?: string;
  /** A viewer token (JWT) instead of cookie and nonce, or a function that returns one. The function is called again when the token has expired. */
  token?: string | (() => string | Promise<string>);
  /** When to enter the webinar: at the first play (default), or when the player is attached. */
  enterAt?: 'play' | 'now';
  /** Undo seeks beyond what has been watched immediately. Default: false; the service limits the reported position. */
  preventForwardSeek?: boolean;
  /** The duration of the video in seconds, if the player does not provide it. */
  duration?: number;
}

/** The session of a viewer in a webinar, as in the last response. Times are RFC 3339, UTC. */
export interface Session {
  session_id: string;
  webinar_id: string | null;
  webinar_type: 'auto';
  started_at: string | null;
  server_time: string;
  live_offset_sec: number;
  resume_position_sec: number;
  last_position_sec: number;
  furthest_sec: number;
  progress_percent: 0 | 25 | 50 | 75 | 100;
  completed: boolean;
  cta_clicked_at: string | null;
  last_seen_at: string | null;
  heartbeat_sec: number;
  /** Present only if true: the service limited the reported position. */
  clamped?: boolean;
}

/** A failed request. */
export interface AutoWebinarError extends Error {
  /** The HTTP status; 0 if there was no response of the service. */
  status: number;
  /** The code of the service or of WordPress, or `fetch_error` or `invalid_json`. */
  code: string;
  data?: any;
  /** Seconds; 0 if the response had no Retry-After. */
  retryAfter: number;
}

export interface AttachmentEvents {
  /** Fired after every response. */
  state: CustomEvent<Session>;
  /** The session reached 25, 50, 75 or 100 percent; fired once each. */
  mark: CustomEvent<{ percent: 25 | 50 | 75 | 100 }>;
  /** The session was completed; fired once. */
  completed: CustomEvent<Session>;
  /** The service limited the position, or `preventForwardSeek` undid a seek. */
  clamped: CustomEvent<Session | null>;
  /** The service cannot be reached, or can be reached again. */
  offline: CustomEvent<{ offline: boolean }>;
  /** A failure that a retry does not solve: not logged in, a form that was refused or is a week old. */
  error: CustomEvent<AutoWebinarError>;
}

export interface FormAnswer { submission_id: string; submitted_at: string; }
export interface Registration { webinar_id: string; registered_at: string; }

export interface Attachment extends EventTarget {
  /** The last response; null before the first. */
  readonly session: Session | null;
  /** The position that a live broadcast would have now if it had begun when the viewer first entered, in seconds; null before the first response. */
  readonly livePosition: number | null;
  /** Begins or continues the session. The first play does this automatically. */
  enter(): Promise<Session>;
  /** Continues the session after leave(). It does not start the video. */
  resume(): Promise<Session>;
  /** Leaves the webinar and pauses the video. Resolves to null if there is no session, or if the report is to be delivered later. */
  leave(reason?: 'user_exit' | 'session_end' | 'network_loss'): Promise<Session | null>;
  /** Records a click on the call to action. */
  cta(): Promise<Session>;
  /** Registers the viewer for the webinar; for a live one, with its slot. */
  register(registration: { source: string; webinarType?: 'auto' | 'live'; slotId?: string }): Promise<Registration>;
  /**
   * Submits a form. The answers are kept in this browser and repeated, also by later
   * pages, until they are accepted, refused (422) or a week old.
   */
  submitForm(formId: string, answers: object, options?: { submissionId?: string }): Promise<FormAnswer>;
  /** Stops listening. It sends no report. */
  detach(): void;

  addEventListener<K extends keyof AttachmentEvents>(type: K, listener: (this: Attachment, event: AttachmentEvents[K]) => any, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof AttachmentEvents>(type: K, listener: (this: Attachment, event: AttachmentEvents[K]) => any, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

declare global {
  interface Window {
    /** Set by player.classic.js. */
    AutoWebinar?: { attach: typeof attach };
  }
  interface HTMLElementEventMap {
    /** Fired by a video that a script tag with data-webinar has attached; bubbles. */
    autowebinar: CustomEvent<Attachment>;
  }
}
