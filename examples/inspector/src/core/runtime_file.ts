/** Which of LiteRT's two builds of WebAssembly this browser runs: not every one has relaxed SIMD. */

// A module with one instruction of relaxed SIMD: i8x16.relaxed_swizzle of two splats, in a function without a type.
const RELAXED = [
  [0, 97, 115, 109, 1, 0, 0, 0], // "\0asm", version 1
  [1, 5, 1, 96, 0, 1, 123], // a type: nothing to v128
  [3, 2, 1, 0], // a function of it
  [10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11], // its code
].flat();

/** The name without an ending: `.js` starts it, `.wasm` is the program. */
export function runtimeFile(): string {
  const relaxed = WebAssembly.validate(Uint8Array.from(RELAXED));
  return relaxed ? 'litert_wasm_internal' : 'litert_wasm_compat_internal';
}
