/** The device's camera: the rear one first, the next one on demand, its torch where it has one. */
import {Problem} from './core/words.ts';

type Torch = MediaTrackCapabilities & {torch?: boolean};

export class Camera {
  /** What runs now. */
  stream: MediaStream | null = null;
  private turn = 0; // counts starts and stops: a camera that is given too late is ended again
  private readonly video: HTMLVideoElement;
  /** Called when the camera ends by itself, when it is unplugged or another program takes it. */
  onEnd: () => void = () => undefined;

  constructor(video: HTMLVideoElement) {
    this.video = video;
  }

  get running(): boolean {
    return this.stream !== null;
  }

  /**
   * @param device its id; left out: the one at the back.
   * @returns whether it runs; it was stopped or started again meanwhile if not.
   */
  async start(device?: string): Promise<boolean> {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Problem('This page may not use a camera: open it over https, or from localhost. Photographs can be chosen.');
    }
    this.stop();
    const {turn} = this;
    const which = device ? {deviceId: {exact: device}} : {facingMode: {ideal: 'environment'}};
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: {...which, width: {ideal: 1280}, height: {ideal: 720}},
        audio: false,
      });
    } catch (error) {
      throw new Problem(inWords(error));
    }
    if (turn !== this.turn) {
      end(stream);
      return false;
    }
    this.stream = stream;
    this.track?.addEventListener('ended', () => {
      this.stop();
      this.onEnd();
    });
    this.video.srcObject = stream;
    try {
      await this.video.play();
    } catch (error) {
      if (turn === this.turn) throw error;
    }
    return turn === this.turn;
  }

  stop(): void {
    this.turn++;
    if (this.stream) end(this.stream);
    this.stream = null;
    this.video.srcObject = null;
  }

  /** The id of the camera after the one that runs; null where there is no other. */
  async next(): Promise<string | null> {
    const devices = (await navigator.mediaDevices.enumerateDevices()).filter(({kind}) => kind === 'videoinput');
    if (devices.length < 2) return null;
    const now = devices.findIndex(({deviceId}) => deviceId === this.track?.getSettings().deviceId);
    return devices[(now + 1) % devices.length].deviceId;
  }

  get hasTorch(): boolean {
    return Boolean((this.track?.getCapabilities?.() as Torch | undefined)?.torch);
  }

  async light(on: boolean): Promise<void> {
    await this.track?.applyConstraints({advanced: [{torch: on} as MediaTrackConstraintSet]});
  }

  /** The frame that is there now; to be closed. */
  frame(): Promise<ImageBitmap> {
    return createImageBitmap(this.video);
  }

  private get track(): MediaStreamTrack | undefined {
    return this.stream?.getVideoTracks()[0];
  }
}

function end(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function inWords(error: unknown): string {
  const name = error instanceof DOMException ? error.name : '';
  const known: Record<string, string> = {
    NotAllowedError: 'The camera may not be used: allow it for this page in the settings of the browser.',
    NotFoundError: 'There is no camera on this device. Photographs can be chosen.',
    OverconstrainedError: 'That camera is gone. Start the camera again.',
    NotReadableError: 'The camera is used by another program. Close that, and start the camera again.',
  };
  return known[name] ?? `The camera does not start (${name || String(error)}).`;
}
