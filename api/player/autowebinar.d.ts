// The player client of AutoWebinar, served at {base}/player.js as an ES module and
// at {base}/player.classic.js as a script that sets window.AutoWebinar.

/**
 * Turns what a viewer does with a video into reports to the service: it enters
 * at the first play, goes on where the viewer was, reports while the video plays
 * and when it stops, and leaves with the page. While the service or the network
 * is away the video plays on; what there is to say is kept and said later.
 *
 * @throws TypeError without a webinar, or on a player of no known kind
 */
export function attach(player: Player, options?: Partial<Options>): Attachment;

/**
 * What may be attached. Further: a Vimeo player (`@vimeo/player`) and a YouTube
 * player (IFrame API), whose adapters are loaded from {base}/player/ when needed.
 */
export type Player = Media | VideoJSPlayer | PlyrPlayer | VimeoPlayer | YouTubePlayer;

/** An HTMLMediaElement, or what behaves like one. */
export type Media = EventTarget & Pick<HTMLMediaElement, 'currentTime' | 'duration' | 'ended' | 'paused' | 'readyState' | 'seeking'> & {
  pause(): void;
  /** If there is one, detach() calls it. */
  close?(): void;
};
export interface VideoJSPlayer { ready(callback: () => void): unknown; tech(safety?: unknown): any; }
export interface PlyrPlayer { provider: string; elements: object; once(event: any, callback: (event: any) => void): void; }
export interface VimeoPlayer { setCurrentTime(seconds: number): Promise<number>; getCurrentTime(): Promise<number>; on(event: any, callback: any): void; }
export interface YouTubePlayer { getIframe(): HTMLIFrameElement; addEventListener(event: any, listener: any): void; }

export interface Options {
  /** The webinar. Default: `data-webinar` of the script tag. */
  webinarId: string;
  /** The service's base path. Default: `data-base`, where player.js came from, WordPress's REST root, /wp-json/autowebinar/v1. */
  base?: string;
  /** A wp_rest nonce, beside the WordPress login cookie. Default: `data-nonce`, `wpApiSettings.nonce`. */
  nonce?: string;
  /** Where a fresh nonce is to be had as plain text. Default: `data-nonce-url`, WordPress's admin-ajax.php?action=rest-nonce. */
  nonceUrl?: string;
  /** A viewer token (JWT) instead of cookie and nonce, or a function that gives one, also when the last one has expired. */
  token?: string | (() => string | Promise<string>);
  /** When the viewer's session begins: at the first play (default), or as soon as the player is attached. */
  enterAt?: 'play' | 'now';
  /** Seeks beyond what has been watched are taken back at once. Default: false; the service cuts them. */
  preventForwardSeek?: boolean;
  /** The video's length in seconds, where the player does not know it. */
  duration?: number;
}

/** A viewer's session of a webinar, as the service answered last. Times are RFC 3339, UTC. */
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
  /** Only when true: the reported position was cut. */
  clamped?: boolean;
}

/** Every failure of a request. */
export interface AutoWebinarError extends Error {
  /** The HTTP status; 0: no answer, or not the service's. */
  status: number;
  /** WordPress's or the service's code, `fetch_error`, `invalid_json`. */
  code: string;
  data?: any;
  /** Seconds; 0 if the service named none. */
  retryAfter: number;
}

export interface AttachmentEvents {
  /** After every answer. */
  state: CustomEvent<Session>;
  /** 25, 50, 75 or 100 per cent were reached, once each. */
  mark: CustomEvent<{ percent: 25 | 50 | 75 | 100 }>;
  /** The end was reached for the first time. */
  completed: CustomEvent<Session>;
  /** The service cut the position, or `preventForwardSeek` took a seek back. */
  clamped: CustomEvent<Session | null>;
  /** The service stopped or began again to answer. */
  offline: CustomEvent<{ offline: boolean }>;
  /** A failure that repeating does not mend: not logged in, a form refused or a week old. */
  error: CustomEvent<AutoWebinarError>;
}

export interface FormAnswer { submission_id: string; submitted_at: string; }
export interface Registration { webinar_id: string; registered_at: string; }

export interface Attachment extends EventTarget {
  /** As last answered; null before that. */
  readonly session: Session | null;
  /** Where a live broadcast that began when the viewer first entered would be now, in seconds; null before the first answer. */
  readonly livePosition: number | null;
  /** Begins the viewer's session, or goes on with it. Playing does it by itself. */
  enter(): Promise<Session>;
  /** Comes back after leave(); does not play by itself. */
  resume(): Promise<Session>;
  /** Leaves, and pauses the video. null: nothing to leave, or kept and said when the service is back. */
  leave(reason?: 'user_exit' | 'session_end' | 'network_loss'): Promise<Session | null>;
  /** The viewer clicked the call to action. */
  cta(): Promise<Session>;
  /** Registers for the webinar; for a live one with its slot. */
  register(registration: { source: string; webinarType?: 'auto' | 'live'; slotId?: string }): Promise<Registration>;
  /**
   * Hands a form's answers over. They are kept in this browser and repeated, by
   * later pages too, until they are accepted, refused (422) or a week old.
   */
  submitForm(formId: string, answers: object, options?: { submissionId?: string }): Promise<FormAnswer>;
  /** Stops listening; tells nobody. */
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
    /** A script tag with data-webinar has attached its video. Bubbles. */
    autowebinar: CustomEvent<Attachment>;
  }
}
