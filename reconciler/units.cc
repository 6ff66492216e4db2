#include "reconciler/units.h"

#include <array>
#include <cctype>
#include <cstdio>
#include <optional>

namespace fairlead {
namespace {

constexpr std::int64_t billion = 1'000'000'000;
constexpr int fraction_digits_max = 9;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A decimal number in front of a unit: `whole` and billionths.
struct Decimal {
  std::int64_t whole = 0;
  std::int64_t billionths = 0;
};

Error invalid(std::string message) { return Error{Code::invalid, std::move(message), ""}; }

Error unreadable(std::string_view form, std::string_view text) {
  return invalid("must be " + std::string(form) + ", got \"" + std::string(text.substr(0, 60)) +
                 "\"");
}

Error too_large(std::string_view text) {
  return invalid("is too large: \"" + std::string(text.substr(0, 60)) + "\"");
}

// Takes the digits off the front of `text`; nothing where there are none or too many to hold.
std::optional<std::int64_t> take_digits(std::string_view& text) {
  std::int64_t number = 0;
  std::size_t count = 0;
  for (; count < text.size() && is_digit(text[count]); ++count) {
    if (__builtin_mul_overflow(number, std::int64_t{10}, &number) ||
        __builtin_add_overflow(number, std::int64_t{text[count] - '0'}, &number)) {
      return std::nullopt;
    }
  }
  text.remove_prefix(count);
  return count == 0 ? std::nullopt : std::optional(number);
}

// Takes "12" or "1.5" off the front of `text`, with at most nine digits behind the point.
std::optional<Decimal> take_decimal(std::string_view& text) {
  const auto whole = take_digits(text);
  if (!whole) return std::nullopt;
  if (text.empty() || text[0] != '.') return Decimal{*whole, 0};
  text.remove_prefix(1);
  const std::size_t before = text.size();
  const auto fraction = take_digits(text);
  const std::size_t digits = before - text.size();
  if (!fraction || digits > fraction_digits_max) return std::nullopt;
  Decimal decimal{*whole, *fraction};
  for (std::size_t i = digits; i < fraction_digits_max; ++i) decimal.billionths *= 10;
  return decimal;
}

// decimal × unit, rounded down; nothing where it overflows.
std::optional<std::int64_t> times(const Decimal& decimal, std::int64_t unit) {
  std::int64_t whole = 0;
  if (__builtin_mul_overflow(decimal.whole, unit, &whole)) return std::nullopt;
  // In two parts, because billionths × a terabyte does not fit into 64 bits.
  const std::int64_t part =
      decimal.billionths * (unit / billion) + decimal.billionths * (unit % billion) / billion;
  if (__builtin_add_overflow(whole, part, &whole)) return std::nullopt;
  return whole;
}

// The factor of "", "B", "k", "kB", "KiB", …; 0 for what is no unit.
std::int64_t byte_unit(std::string_view text) {
  if (text.empty()) return 1;
  const auto lower = [&](std::size_t i) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
  };
  const bool bytes_only = text.size() == 1 && lower(0) == 'b';
  if (bytes_only) return 1;
  const auto power = std::string_view("kmgt").find(lower(0));
  const bool known = text.size() == 1 || (text.size() == 2 && lower(1) == 'b') ||
                     (text.size() == 3 && lower(1) == 'i' && lower(2) == 'b');
  if (power == std::string_view::npos || !known) return 0;
  return std::int64_t{1} << (10 * (power + 1));
}

// Takes a unit of time off the front of `text`; 0 where there is none.
std::int64_t take_time_unit(std::string_view& text) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> units{
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
  for (const auto& [name, milliseconds] : units) {
    if (text.substr(0, name.size()) != name) continue;
    text.remove_prefix(name.size());
    return milliseconds;
  }
  return 0;
}

// "2.4", "2": one decimal where it is not zero.
std::string tenths(std::int64_t count) {
  std::string text = std::to_string(count / 10);
  if (count % 10 != 0) text += "." + std::to_string(count % 10);
  return text;
}

}  // namespace

Result<std::int64_t> parse_bytes(std::string_view text) {
  constexpr std::string_view form = "a size such as 512M, 2G or 64k";
  std::string_view rest = text;
  const bool begins_well = !text.empty() && is_digit(text[0]);
  const auto decimal = take_decimal(rest);
  if (!decimal) return begins_well && is_digit(rest[0]) ? too_large(text) : unreadable(form, text);
  const std::int64_t unit = byte_unit(rest);
  if (unit == 0 || (unit == 1 && decimal->billionths != 0)) return unreadable(form, text);
  const auto bytes = times(*decimal, unit);
  return bytes ? Result<std::int64_t>(*bytes) : too_large(text);
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr std::string_view form = "a duration such as 90s, 1m30s, 48h or 250ms";
  std::int64_t total = 0;
  std::string_view rest = text;
  do {
    const bool begins_well = !rest.empty() && is_digit(rest[0]);
    const auto decimal = take_decimal(rest);
    if (!decimal) {
      return begins_well && !rest.empty() && is_digit(rest[0]) ? too_large(text)
                                                               : unreadable(form, text);
    }
    const std::int64_t unit = take_time_unit(rest);
    if (unit == 0) return unreadable(form, text);
    const auto part = times(*decimal, unit);
    if (!part || __builtin_add_overflow(total, *part, &total)) return too_large(text);
  } while (!rest.empty());
  // A duration is counted in nanoseconds elsewhere and must fit there as well.
  if (total > INT64_MAX / 1'000'000) return too_large(text);
  return std::chrono::milliseconds(total);
}

Result<std::int64_t> parse_cpus(std::string_view text) {
  constexpr std::string_view form = "a number of CPUs such as 0.5 or 2, at least 0.01";
  std::string_view rest = text;
  const auto decimal = take_decimal(rest);
  if (!decimal || !rest.empty()) {
    return !rest.empty() && is_digit(rest[0]) ? too_large(text) : unreadable(form, text);
  }
  const auto nano_cpus = times(*decimal, billion);
  if (!nano_cpus) return too_large(text);
  if (*nano_cpus < billion / 100) return unreadable(form, text);
  return *nano_cpus;
}

std::string format_bytes(std::int64_t bytes) {
  constexpr std::string_view units = "kMGT";
  std::size_t power = 0;
  while (power < units.size() && bytes != 0 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++power;
  }
  return std::to_string(bytes) + (power == 0 ? "" : std::string(1, units[power - 1]));
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const std::int64_t nanoseconds = duration.count();
  if (nanoseconds < 0) return "-" + format_duration(-duration);
  if (nanoseconds == 0) return "0s";
  if (nanoseconds < 10'000'000) return tenths((nanoseconds + 50'000) / 100'000) + "ms";
  if (nanoseconds < billion) return std::to_string(nanoseconds / 1'000'000) + "ms";
  if (nanoseconds < 60 * billion) return tenths(nanoseconds / 100'000'000) + "s";
  const std::int64_t seconds = nanoseconds / billion;
  std::string text;
  if (seconds >= 3600) text += std::to_string(seconds / 3600) + "h";
  if (seconds / 60 % 60 != 0) text += std::to_string(seconds / 60 % 60) + "m";
  if (seconds % 60 != 0) text += std::to_string(seconds % 60) + "s";
  return text;
}

std::string format_cpus(std::int64_t nano_cpus) {
  std::array<char, 32> digits{};
  std::snprintf(digits.data(), digits.size(), "%lld.%09lld",
                static_cast<long long>(nano_cpus / billion),
                static_cast<long long>(nano_cpus % billion));
  std::string text = digits.data();
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace fairlead
