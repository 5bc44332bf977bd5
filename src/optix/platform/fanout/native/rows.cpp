#include "rows.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace optix::fan {
namespace {

constexpr double kPowers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
constexpr int kScaleMax = 8, kFloats = 255;
constexpr int32_t kNoPrice = std::numeric_limits<int32_t>::min();
constexpr double kPriceMax = std::numeric_limits<int32_t>::max();
constexpr uint32_t kNoFloat = 0x7FC00000;

void put_int(std::string& out, int64_t value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

// The shortest digits that give the same double: plain from 1e-5 to below 1e16, else with an exponent.
void put_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out.append("null");
    return;
  }
  char text[32];
  const char* end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  const char* at = text;
  if (*at == '-') out.push_back(*at++);
  char digits[20];
  int count = 0;
  for (; *at != 'e'; ++at) {
    if (*at != '.') digits[count++] = *at;
  }
  int exponent = 0;
  std::from_chars(at + (at[1] == '+' ? 2 : 1), end, exponent);
  if (exponent < -5 || exponent > 15) {
    out.push_back(digits[0]);
    if (count > 1) {
      out.push_back('.');
      out.append(digits + 1, static_cast<size_t>(count - 1));
    }
    out.append(exponent < 0 ? "e" : "e+");
    put_int(out, exponent);
  } else if (exponent < 0) {
    out.append("0.");
    out.append(static_cast<size_t>(-exponent - 1), '0');
    out.append(digits, static_cast<size_t>(count));
  } else if (count <= exponent + 1) {
    out.append(digits, static_cast<size_t>(count));
    out.append(static_cast<size_t>(exponent + 1 - count), '0');
    out.append(".0");
  } else {
    out.append(digits, static_cast<size_t>(exponent + 1));
    out.push_back('.');
    out.append(digits + exponent + 1, static_cast<size_t>(count - exponent - 1));
  }
}

void put_little(std::string& out, uint64_t value, int bytes) {
  for (int byte = 0; byte < bytes; ++byte) out.push_back(static_cast<char>(value >> (8 * byte)));
}

void put_float(std::string& out, double value) {
  const auto narrow = std::fabs(value) > std::numeric_limits<float>::max()
                          ? std::numeric_limits<float>::infinity()
                          : static_cast<float>(value);
  uint32_t bits = kNoFloat;
  if (std::isfinite(narrow)) std::memcpy(&bits, &narrow, sizeof bits);
  put_little(out, bits, 4);
}

// Whether `price` is exactly a whole number of 10^-scale that has its place in 31 bits.
bool fits(double price, int scale) {
  const double whole = std::nearbyint(price * kPowers[scale]);
  return std::fabs(whole) <= kPriceMax && whole / kPowers[scale] == price;
}

int scale_of(const double* prices, size_t count) {
  int scale = 0;
  for (size_t place = 0; place < count; ++place) {
    if (!std::isfinite(prices[place])) continue;
    while (!fits(prices[place], scale)) {
      if (++scale > kScaleMax) return kFloats;
    }
  }
  // A finer scale may have pushed an earlier, larger price out of its place.
  for (size_t place = 0; place < count; ++place) {
    if (std::isfinite(prices[place]) && !fits(prices[place], scale)) return kFloats;
  }
  return scale;
}

void put_price(std::string& out, double price, int scale) {
  if (scale == kFloats) {
    put_float(out, price);
  } else if (!std::isfinite(price)) {
    put_little(out, static_cast<uint32_t>(kNoPrice), 4);
  } else {
    const auto whole = static_cast<int32_t>(std::nearbyint(price * kPowers[scale]));
    put_little(out, static_cast<uint32_t>(whole), 4);
  }
}

// A whole number of so many bytes; all bits set is null.
void put_whole(std::string& out, double value, int bytes) {
  const uint64_t null = (uint64_t{1} << (8 * bytes)) - 1;
  uint64_t whole = null;
  if (std::isfinite(value)) {
    const double rounded = std::nearbyint(value);
    whole = rounded <= 0                                 ? 0
            : rounded >= static_cast<double>(null - 1) ? null - 1
                                                         : static_cast<uint64_t>(rounded);
  }
  put_little(out, whole, bytes);
}

uint64_t instant(int64_t as_of) {
  constexpr int64_t last = (int64_t{1} << 48) - 2;
  return static_cast<uint64_t>(as_of < 0 ? 0 : as_of > last ? last : as_of);
}

const std::string& word_of(const std::vector<std::string>& words, uint8_t code) {
  if (code >= words.size()) throw std::out_of_range("a code without a word");
  return words[code];
}

// Leaves room for the lengths of a row, which are known once it is written.
size_t begin_row(std::string& out, uint32_t number) {
  put_little(out, number, 4);
  out.append(4, '\0');
  return out.size();
}

void end_row(std::string& out, size_t begin, size_t binary) {
  const size_t json = out.size() - begin - binary;
  if (json > 0xFFFF) throw std::length_error("a row is longer than a batch can say");
  out[begin - 4] = static_cast<char>(json);
  out[begin - 3] = static_cast<char>(json >> 8);
  out[begin - 2] = static_cast<char>(binary);
}

}  // namespace

void put_quotes(std::string& out, const Words& words, const QuoteColumns& rows) {
  for (size_t row = 0; row < rows.rows; ++row) {
    double value[kQuoteValues];
    for (size_t place = 0; place < kQuoteValues; ++place) {
      value[place] = rows.values[place * rows.rows + row];
    }
    const size_t begin = begin_row(out, rows.numbers[row]);
    out.push_back('[');
    out.append((*rows.symbols)[row]);
    for (double each : value) {
      out.push_back(',');
      put_double(out, each);
    }
    out.push_back(',');
    put_int(out, rows.as_of[row]);
    out.push_back(',');
    out.append(word_of(words.quality, rows.quality[row]));
    out.push_back(',');
    put_int(out, rows.flags[row]);
    out.push_back(',');
    out.append(rows.trading[row] == 255 ? "null" : word_of(words.trading, rows.trading[row]));
    out.push_back(']');

    const double prices[] = {value[0], value[1], value[4], value[5], value[6], value[7], value[8]};
    const int scale = scale_of(prices, 7);
    put_little(out, rows.numbers[row], 4);
    for (double price : prices) put_price(out, price, scale);
    put_whole(out, value[2], 4);
    put_whole(out, value[3], 4);
    put_whole(out, value[9], 6);
    const uint64_t as_of = instant(rows.as_of[row]);
    put_little(out, as_of >> 32, 2);
    put_little(out, as_of, 4);
    put_little(out, static_cast<uint8_t>(scale), 1);
    put_little(out, rows.quality[row], 1);
    put_little(out, rows.flags[row], 1);
    put_little(out, rows.trading[row], 1);
    end_row(out, begin, kQuoteBytes);
  }
}

void put_chain(std::string& out, const Words& words, const ChainColumns& rows, uint32_t columns) {
  for (size_t row = 0; row < rows.rows; ++row) {
    double value[kChainQuotes + kAnalytics];
    for (size_t place = 0; place < kChainQuotes; ++place) {
      value[place] = rows.quotes[place * rows.rows + row];
    }
    for (size_t place = 0; place < kAnalytics; ++place) {
      value[kChainQuotes + place] = rows.analytics[place * rows.rows + row];
    }
    const std::string& status = word_of(words.status, rows.status[row]);
    const size_t begin = begin_row(out, rows.numbers[row]);
    out.push_back('[');
    put_int(out, rows.positions[row]);
    uint32_t column = 1;
    for (double each : value) {
      if (columns & column) {
        out.push_back(',');
        put_double(out, each);
      }
      column <<= 1;
    }
    if (columns & column) {
      out.push_back(',');
      out.append(status);
    }
    if (columns & (column << 1)) {
      out.push_back(',');
      put_int(out, rows.flags[row]);
    }
    if (columns & (column << 2)) {
      out.push_back(',');
      put_int(out, rows.as_of[row]);
    }
    out.push_back(']');

    const double prices[] = {value[0], value[1], value[4]};
    const int scale = scale_of(prices, 3);
    put_little(out, rows.positions[row], 2);
    put_little(out, static_cast<uint8_t>(scale), 1);
    put_little(out, rows.status[row], 1);
    for (double price : prices) put_price(out, price, scale);
    for (size_t place : {2, 3, 5}) put_whole(out, value[place], 4);
    for (size_t place = 0; place < kAnalytics; ++place) {
      put_float(out, value[kChainQuotes + place]);
    }
    const uint64_t as_of = instant(rows.as_of[row]);
    put_little(out, as_of, 6);
    put_little(out, rows.flags[row], 1);
    put_little(out, 0, 1);
    end_row(out, begin, kChainBytes);
  }
}

}  // namespace optix::fan
