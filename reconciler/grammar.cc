#include "reconciler/grammar.h"

#include <arpa/inet.h>
#include <idn2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

namespace fairlead {
namespace {

constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view digits = "0123456789";
constexpr std::string_view lower_digits = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view letters_digits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool in(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// Every character in `first` or `others`.
bool made_of(std::string_view text, std::string_view first, std::string_view others = "") {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [&](char c) { return in(c, first) || in(c, others); });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_port(std::string_view text) { return port_of(text).has_value(); }

// One part of a repository path: runs of letters and digits with ".", "_", "__" or dashes between.
bool is_repository_part(std::string_view text) {
  while (true) {
    const std::size_t end = std::min(text.find_first_not_of(lower_digits), text.size());
    if (end == 0) return false;
    text.remove_prefix(end);
    if (text.empty()) return true;
    const std::size_t next = std::min(text.find_first_of(lower_digits), text.size());
    const std::string_view between = text.substr(0, next);
    if (between != "." && between != "_" && between != "__" && !made_of(between, "-")) return false;
    text.remove_prefix(next);
  }
}

bool is_tag(std::string_view text) {
  return text.size() <= 128 && made_of(text, letters_digits, "_.-") && text[0] != '.' &&
         text[0] != '-';
}

bool is_digest(std::string_view text) {
  constexpr std::string_view prefix = "sha256:";
  return text.substr(0, prefix.size()) == prefix && text.size() == prefix.size() + 64 &&
         made_of(text.substr(prefix.size()), digits, "abcdef");
}

bool is_domain_label(std::string_view text) {
  return text.size() <= 63 && made_of(text, lower_digits, "-") && text.front() != '-' &&
         text.back() != '-';
}

// What is_range() lets pass, as bits.
struct AddressRange {
  explicit AddressRange(const std::string& text) : six(text.find(':') != std::string::npos) {
    const std::size_t slash = text.find('/');
    const std::size_t whole = six ? 128 : 32;
    fixed = whole;
    if (slash != std::string::npos)
      std::from_chars(text.data() + slash + 1, text.data() + text.size(), fixed);
    fixed = std::min(fixed, whole);
    inet_pton(six ? AF_INET6 : AF_INET, text.substr(0, slash).c_str(), bytes.data());
  }
  bool bit(std::size_t index) const { return (bytes[index / 8] & (0x80u >> index % 8)) != 0; }

  bool six;
  std::size_t fixed;  // bits that all of its addresses share
  std::array<unsigned char, 16> bytes{};
};

}  // namespace

std::optional<int> port_of(std::string_view text) {
  if (!made_of(text, digits) || text.size() > 5) return std::nullopt;
  const int port = std::stoi(std::string(text));
  return port >= 1 && port <= 65535 ? std::optional(port) : std::nullopt;
}

bool is_name(std::string_view text, std::size_t length_max) {
  return text.size() <= length_max && made_of(text, lower_digits, "-") && in(text[0], lower);
}

bool is_env_name(std::string_view text) {
  const auto is_allowed = [](char c) { return c > ' ' && c < 0x7f && c != '='; };
  return !text.empty() && made_of(text.substr(0, 1), letters_digits, "_") && !in(text[0], digits) &&
         std::all_of(text.begin(), text.end(), is_allowed);
}

bool is_secret_name(std::string_view text) {
  return text.size() <= 255 && made_of(text, letters_digits, "_.-") && text != "." && text != "..";
}

bool is_label_name(std::string_view text) {
  return made_of(text, letters_digits, "._/-") && in(text.front(), letters_digits) &&
         in(text.back(), letters_digits);
}

bool is_registry(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() > 2 || (parts.size() == 2 && !is_port(parts[1]))) return false;
  return normal_domain(parts[0], false).has_value();
}

bool is_image(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at != std::string_view::npos && !is_digest(text.substr(at + 1))) return false;
  text = text.substr(0, at);
  const std::size_t colon = text.rfind(':');
  // A colon before the last "/" belongs to the registry's port.
  if (colon != std::string_view::npos && text.find('/', colon) == std::string_view::npos) {
    if (!is_tag(text.substr(colon + 1))) return false;
    text = text.substr(0, colon);
  }
  if (text.size() > 255) return false;
  auto parts = split(text, '/');
  const bool names_registry =
      parts.size() > 1 && (parts[0].find('.') != std::string_view::npos ||
                           parts[0].find(':') != std::string_view::npos || parts[0] == "localhost");
  if (names_registry && !is_registry(parts[0])) return false;
  if (names_registry) parts.erase(parts.begin());
  return std::all_of(parts.begin(), parts.end(), is_repository_part);
}

bool is_address(const std::string& text) {
  in6_addr binary{};  // large enough for both
  return inet_pton(AF_INET, text.c_str(), &binary) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &binary) == 1;
}

std::string ascii_host(std::string_view text) {
  std::string host(text);
  const bool ascii = std::all_of(host.begin(), host.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii || host.find('\0') != std::string::npos) return host;
  const std::string star = host.starts_with("*.") ? "*." : "";
  std::uint8_t* converted = nullptr;
  const int status =
      idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(host.c_str()) + star.size(), &converted,
                     IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (status == IDN2_OK) host = star + reinterpret_cast<const char*>(converted);
  idn2_free(converted);
  return host;
}

std::optional<std::string> normal_domain(std::string_view text, bool wildcard) {
  std::string domain(text);
  std::transform(domain.begin(), domain.end(), domain.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const bool starred = wildcard && domain.compare(0, 2, "*.") == 0;
  const auto labels = split(std::string_view(domain).substr(starred ? 2 : 0), '.');
  if (domain.size() > 253 || !std::all_of(labels.begin(), labels.end(), is_domain_label)) {
    return std::nullopt;
  }
  return domain;
}

std::optional<std::string> normal_path(std::string_view text) {
  if (text.substr(0, 1) != "/" || has_control_characters(text)) return std::nullopt;
  std::string path;
  for (const std::string_view part : split(text, '/')) {
    if (part == "..") return std::nullopt;
    if (!part.empty() && part != ".") path.append("/").append(part);
  }
  return path.empty() ? "/" : path;
}

bool is_route_path(std::string_view text) {
  if (text == "/") return true;
  if (text.substr(0, 1) != "/" || !made_of(text, letters_digits, "/_.~-")) return false;
  const auto parts = split(text.substr(1), '/');
  return std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
    return part.empty() || part == "." || part == "..";
  });
}

bool is_range(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  if (!is_address(address)) return false;
  if (slash == std::string::npos) return true;
  const bool six = address.find(':') != std::string::npos;
  const std::string bits = text.substr(slash + 1);
  if (!made_of(bits, digits) || bits.size() > 3 || (bits.size() > 1 && bits[0] == '0')) {
    return false;
  }
  const std::size_t fixed = std::stoul(bits);
  std::array<unsigned char, 16> bytes{};
  inet_pton(six ? AF_INET6 : AF_INET, address.c_str(), bytes.data());
  if (fixed > (six ? 128 : 32)) return false;
  for (std::size_t bit = fixed; bit < 128; ++bit) {
    if ((bytes[bit / 8] & (0x80u >> bit % 8)) != 0) return false;
  }
  return true;
}

bool is_within(const std::string& range, const std::string& outer) {
  const AddressRange inner(range);
  const AddressRange around(outer);
  if (inner.six != around.six || inner.fixed < around.fixed) return false;
  for (std::size_t bit = 0; bit < around.fixed; ++bit) {
    if (inner.bit(bit) != around.bit(bit)) return false;
  }
  return true;
}

bool is_relative_path(std::string_view text) {
  const auto parts = split(text, '/');
  return !has_control_characters(text) &&
         std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
           return part.empty() || part == "." || part == "..";
         });
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace fairlead
