import TensorFlowLite
import UIKit

/// What is said of a frame. `map` has height * width values, row by row.
struct Inspection {
  let score: Float
  let anomalous: Bool
  let map: [Float]
}

enum InspectorError: Error {
  case noMetadata, cutShort, badMetadata, noMemory, scoreIsNoNumber
  case otherFormat(String)
}

/// What an app needs to know of the metadata inside a file; docs/mobile.md lists the keys.
struct About: Decodable {
  struct Input: Decodable {
    let shape: [Int]
    let resize: String
    let resize_to: [Int]

    var height: Int { shape[1] }
    var width: Int { shape[2] }
    var channels: Int { shape[3] }
  }
  struct Threshold: Decodable {
    let value: Double
    let n: Int
    let quantiles: [Double]
  }
  let input: Input
  let threshold: Threshold
  let map_threshold: Threshold
}

/// What made the metadata; read first, since all else may be different in a later format.
private struct Made: Decodable {
  let format_version: Int?
  let version: String?
}

/// Runs an exported file of PIADE-TF on frames of any size. One for each thread: it holds its tensors.
final class Inspector {
  let about: About
  private let runner: SignatureRunner
  private let preparation: Preparation

  init(path: String) throws {
    about = try Inspector.metadata(of: Data(contentsOf: URL(fileURLWithPath: path)))
    preparation = Preparation(input: about.input)
    runner = try Interpreter(modelPath: path).signatureRunner(with: "inspect")
  }

  /// Resizes an upright frame as in training, and runs the network.
  func inspect(_ frame: CGImage) throws -> Inspection {
    let image = try preparation.prepare(frame)
    try runner.invoke(with: ["image": image])
    let score = try runner.output(named: "pred_score").data.withUnsafeBytes { $0.load(as: Float.self) }
    guard score.isFinite else { throw InspectorError.scoreIsNoNumber } // or it would pass as normal
    let map = try runner.output(named: "anomaly_map").data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    return Inspection(score: score, anomalous: Double(score) > about.threshold.value, map: map)
  }

  /// The JSON after the last `PIADEMD1` and its length, which is little-endian.
  private static func metadata(of file: Data) throws -> About {
    guard let magic = file.range(of: Data("PIADEMD1".utf8), options: .backwards) else {
      throw InspectorError.noMetadata
    }
    let start = magic.upperBound + 4
    guard start <= file.endIndex else { throw InspectorError.cutShort }
    var length = 0
    for byte in file[magic.upperBound..<start].reversed() { length = length << 8 | Int(byte) }
    guard length <= file.endIndex - start else { throw InspectorError.cutShort }
    let json = file.subdata(in: start..<start + length)
    let made = try JSONDecoder().decode(Made.self, from: json)
    let (format, version) = (made.format_version ?? 1, made.version ?? "unknown")
    guard format == 1 else {
      let advice = "use the code of version \(version)"
      throw InspectorError.otherFormat("metadata of format \(format), this code reads 1; \(advice)")
    }
    let about = try JSONDecoder().decode(About.self, from: json)
    guard about.input.shape.count == 4, about.input.resize_to.count == 2 else { throw InspectorError.badMetadata }
    return about
  }
}

/// Red, and half opaque where a place becomes anomalous. To be stretched over the frame.
func heatmap(_ map: [Float], _ about: About) -> CGImage? {
  let width = about.input.width, limit = about.map_threshold.value
  var pixels = Data(capacity: 4 * map.count) // premultiplied by alpha
  for value in map {
    let level = limit > 0 ? 127 * Double(value) / limit : Double(value) > limit ? 255 : 0
    let red = level > 0 ? UInt8(min(level, 255)) : 0 // 0 where it is no number
    pixels.append(contentsOf: [red, 0, 0, red])
  }
  guard let provider = CGDataProvider(data: pixels as CFData) else { return nil }
  return CGImage(
    width: width, height: about.input.height, bitsPerComponent: 8, bitsPerPixel: 32, bytesPerRow: 4 * width,
    space: CGColorSpaceCreateDeviceRGB(),
    bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.premultipliedLast.rawValue),
    provider: provider, decode: nil, shouldInterpolate: true, intent: .defaultIntent)
}

/// From pixels of any size to what the network takes, as in training: a bilinear filter that widens as it shrinks.
struct Preparation {
  let input: About.Input

  /// Returns height * width * channels bytes, 0 to 255.
  func prepare(_ frame: CGImage) throws -> Data {
    let pixels = try rgba(of: frame)
    return pixels.withUnsafeBufferPointer { prepare($0, height: frame.height, width: frame.width) }
  }

  private func prepare(_ rgba: UnsafeBufferPointer<UInt8>, height: Int, width: Int) -> Data {
    let (toHeight, toWidth) = (input.resize_to[0], input.resize_to[1])
    var (keptHeight, keptWidth) = (toHeight, toWidth)
    if input.resize != "stretch" { // one factor for both sides: `pad` fits the frame in, `crop` fills
      let (down, across) = (Float(toHeight) / Float(height), Float(toWidth) / Float(width))
      let factor = input.resize == "pad" ? min(down, across) : max(down, across)
      keptHeight = max(Int((Float(height) * factor).rounded(.toNearestOrEven)), 1)
      keptWidth = max(Int((Float(width) * factor).rounded(.toNearestOrEven)), 1)
    }
    let rows = Shares(
      side: height, kept: keptHeight, from: (toHeight - input.height) / 2 - (toHeight - keptHeight) / 2,
      targets: input.height)
    let columns = Shares(
      side: width, kept: keptWidth, from: (toWidth - input.width) / 2 - (toWidth - keptWidth) / 2,
      targets: input.width)

    var sums = [Double](repeating: 0, count: 3 * input.height * input.width)
    var line = [Double](repeating: 0, count: 3 * input.width)
    var first = 0 // of the target rows that still want pixels
    for y in 0..<height {
      while first < input.height && rows.end[first] <= y { first += 1 }
      if first == input.height { break }
      if rows.start[first] > y { continue }
      columns.shrink(rgba, base: 4 * y * width, line: &line)
      var target = first
      while target < input.height && rows.start[target] <= y {
        if y < rows.end[target] {
          let share = rows.share(target, y)
          let at = 3 * input.width * target
          for i in 0..<line.count { sums[at + i] += share * line[i] }
        }
        target += 1
      }
    }
    return rounded(sums)
  }

  /// Rounded once, half to even; grey is cut off.
  private func rounded(_ sums: [Double]) -> Data {
    let values = sums.map { $0.rounded(.toNearestOrEven) }
    if input.channels == 3 { return Data(values.map { UInt8($0) }) }
    var grey = Data(capacity: values.count / 3)
    for i in 0..<values.count / 3 {
      let mixed = 0.2989 * values[3 * i] + 0.587 * values[3 * i + 1] + 0.114 * values[3 * i + 2]
      grey.append(UInt8(mixed * 255.5 / 255))
    }
    return grey
  }

  /// Red, green, blue and a byte that is not looked at, row by row.
  private func rgba(of frame: CGImage) throws -> [UInt8] {
    var pixels = [UInt8](repeating: 0, count: 4 * frame.width * frame.height)
    try pixels.withUnsafeMutableBytes { memory in
      guard
        let context = CGContext(
          data: memory.baseAddress, width: frame.width, height: frame.height, bitsPerComponent: 8,
          bytesPerRow: 4 * frame.width, space: CGColorSpaceCreateDeviceRGB(),
          bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
      else { throw InspectorError.noMemory }
      context.draw(frame, in: CGRect(x: 0, y: 0, width: frame.width, height: frame.height))
    }
    return pixels
  }
}

/// Of the pixels along a side, the share of each in every target pixel.
private struct Shares {
  /// The first source pixel of each target, and the one after its last; both are the same in the border of `pad`.
  private(set) var start: [Int]
  private(set) var end: [Int]
  private var shares: [Double]
  private let most: Int

  /// - Parameters:
  ///   - side: source pixels.
  ///   - kept: what they are resized to.
  ///   - from: which of these is the first target; negative: black comes first.
  ///   - targets: how many targets there are.
  init(side: Int, kept: Int, from: Int, targets: Int) {
    let scale = Double(side) / Double(kept)
    let radius = max(scale, 1)
    most = 2 * Int(radius.rounded(.up)) + 1
    start = [Int](repeating: 0, count: targets)
    end = [Int](repeating: 0, count: targets)
    shares = [Double](repeating: 0, count: targets * most)
    for target in 0..<targets {
      let nth = from + target
      if nth < 0 { continue }
      if nth >= kept {
        start[target] = side
        end[target] = side
        continue
      }
      let centre = (Double(nth) + 0.5) * scale
      start[target] = max(Int((centre - radius - 0.5).rounded(.down)) + 1, 0)
      end[target] = min(Int((centre + radius - 0.5).rounded(.up)), side)
      var sum = 0.0
      for i in start[target]..<end[target] {
        let raw = 1 - abs(Double(i) + 0.5 - centre) / radius
        shares[target * most + i - start[target]] = raw
        sum += raw
      }
      for i in 0..<end[target] - start[target] { shares[target * most + i] /= sum }
    }
  }

  func share(_ target: Int, _ pixel: Int) -> Double {
    shares[target * most + pixel - start[target]]
  }

  /// Writes the row that begins at `base` to `line`: red, green and blue of each target.
  func shrink(_ rgba: UnsafeBufferPointer<UInt8>, base: Int, line: inout [Double]) {
    for target in 0..<start.count {
      var (red, green, blue) = (0.0, 0.0, 0.0)
      var share = target * most
      for i in start[target]..<end[target] {
        let at = base + 4 * i
        red += shares[share] * Double(rgba[at])
        green += shares[share] * Double(rgba[at + 1])
        blue += shares[share] * Double(rgba[at + 2])
        share += 1
      }
      line[3 * target] = red
      line[3 * target + 1] = green
      line[3 * target + 2] = blue
    }
  }
}
