// Frames of a server as bytes (RFC 6455 section 5.2), and numbers as JSON and binary rows have them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace optix::fan {

inline constexpr uint8_t kWhole = 0x80, kText = 0x1, kBinary = 0x2, kClose = 0x8, kPong = 0xA;
inline constexpr uint8_t kSnapshot = 1, kChanges = 2;
inline constexpr size_t kUsualHead = 4;

inline std::string_view head_of(uint8_t opcode, size_t size, char (&head)[10]) {
  size_t length = 0;
  head[length++] = static_cast<char>(kWhole | opcode);
  if (size < 126) {
    head[length++] = static_cast<char>(size);
  } else {
    const bool wide = size > 0xFFFF;
    head[length++] = static_cast<char>(wide ? 127 : 126);
    for (int shift = (wide ? 56 : 8); shift >= 0; shift -= 8) {
      head[length++] = static_cast<char>((size >> shift) & 0xFF);
    }
  }
  return {head, length};
}

inline void put_frame(std::string& out, uint8_t opcode, std::string_view payload) {
  char head[10];
  out.append(head_of(opcode, payload.size(), head)).append(payload);
}

// Begin a frame whose length is known at the end, with room for the head that most have.
inline size_t begin_frame(std::string& out) {
  out.append(kUsualHead, '\0');
  return out.size();
}

inline void end_frame(std::string& out, size_t payload, uint8_t opcode) {
  char head[10];
  out.replace(payload - kUsualHead, kUsualHead, head_of(opcode, out.size() - payload, head));
}

inline void put_number(std::string& out, uint64_t number) {
  char digits[20];
  char* at = digits + sizeof digits;
  do {
    *--at = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  out.append(at, static_cast<size_t>(digits + sizeof digits - at));
}

inline void put_u32(std::string& out, uint32_t value) {
  const char bytes[4] = {static_cast<char>(value), static_cast<char>(value >> 8),
                         static_cast<char>(value >> 16), static_cast<char>(value >> 24)};
  out.append(bytes, 4);
}

inline void put_u64(std::string& out, uint64_t value) {
  put_u32(out, static_cast<uint32_t>(value));
  put_u32(out, static_cast<uint32_t>(value >> 32));
}

inline void write_u32(std::string& out, size_t at, uint32_t value) {
  for (int byte = 0; byte < 4; ++byte) out[at + byte] = static_cast<char>(value >> (8 * byte));
}

}  // namespace optix::fan
