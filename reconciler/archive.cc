#include "reconciler/archive.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace fairlead {
namespace {

constexpr std::size_t block = 512;
constexpr std::size_t extended_max = 64 << 10;

// Offset and length of a header's fields (POSIX.1-1988, pax of POSIX.1-2001).
struct Place {
  std::size_t offset, length;
};
constexpr Place name_place{0, 100}, size_place{124, 12}, checksum_place{148, 8};
constexpr Place magic_place{257, 5}, prefix_place{345, 155};
constexpr std::size_t type_offset = 156;

Error refused(std::string message) { return {Code::invalid, std::move(message), ""}; }

std::string_view bytes(std::string_view header, Place place) {
  return header.substr(place.offset, place.length);
}

// Up to the first NUL.
std::string_view text(std::string_view header, Place place) {
  const std::string_view field = bytes(header, place);
  return field.substr(0, field.find('\0'));
}

// Octal digits between spaces and NULs. Nothing for the binary form, which only what is far beyond
// any limit here needs.
std::optional<std::uint64_t> number(std::string_view header, Place place) {
  std::string_view field = text(header, place);
  const std::size_t first = field.find_first_not_of(' ');
  const std::size_t last = field.find_last_not_of(' ');
  if (first == std::string_view::npos) return std::nullopt;
  field = field.substr(first, last - first + 1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, 8);
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return value;
}

bool is_intact(std::string_view header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block; ++i) {
    const bool own =
        i >= checksum_place.offset && i < checksum_place.offset + checksum_place.length;
    sum += own ? std::uint64_t{' '} : static_cast<unsigned char>(header[i]);
  }
  return number(header, checksum_place) == sum;
}

bool all_zero(std::string_view data) {
  return std::all_of(data.begin(), data.end(), [](char c) { return c == '\0'; });
}

const char* kind_of(char type) {
  switch (type) {
    case '1':
      return "a hard link";
    case '2':
      return "a symbolic link";
    case '3':
    case '4':
      return "a device";
    case '5':
      return "a folder";
    case '6':
      return "a named pipe";
    case 'S':
      return "a sparse file";
    default:
      return "an entry of an unknown kind";
  }
}

// A header, and the data behind it.
struct Entry {
  char type = '\0';
  std::string_view header;
  std::string_view data;
};

// Takes the entry at the front off `rest`.
Result<Entry> take_entry(std::string_view& rest, std::size_t bytes_max) {
  if (rest.size() < block) return refused("the archive is cut off");
  const std::string_view header = rest.substr(0, block);
  if (all_zero(header)) return refused("the archive is empty");
  if (bytes(header, magic_place) != "ustar" || !is_intact(header)) {
    return refused("the archive is damaged");
  }
  const char type = header[type_offset];
  const auto size = number(header, size_place);
  const std::size_t most = type == 'x' ? extended_max : bytes_max;
  if (!size || *size > most) {
    return refused("is larger than " + std::to_string(most) + " bytes");
  }
  const auto length = static_cast<std::size_t>(*size);
  const std::size_t padded = (length + block - 1) / block * block;
  rest.remove_prefix(block);
  if (rest.size() < padded) return refused("the archive is cut off");
  Entry entry{type, header, rest.substr(0, length)};
  rest.remove_prefix(padded);
  return entry;
}

// Records "LENGTH KEY=VALUE\n". What would change how the entry behind it is read is refused.
Result<void> check_extended(std::string_view records) {
  while (!records.empty()) {
    std::size_t length = 0;
    const auto [end, error] =
        std::from_chars(records.data(), records.data() + records.size(), length);
    const auto digits = static_cast<std::size_t>(end - records.data());
    if (error != std::errc() || length > records.size() || length < digits + 2 ||
        records[digits] != ' ' || records[length - 1] != '\n') {
      return refused("the archive is damaged");
    }
    const std::string_view record = records.substr(digits + 1, length - digits - 2);
    const std::string_view key = record.substr(0, record.find('='));
    if (key.empty() || key.size() == record.size()) return refused("the archive is damaged");
    const bool sparse = key.substr(0, 10) == "GNU.sparse";
    if (sparse) return refused("must be a regular file, got a sparse file");
    if (key == "path" || key == "linkpath" || key == "size") {
      return refused("the archive says the " + std::string(key) + " of its file twice");
    }
    records.remove_prefix(length);
  }
  return {};
}

Result<void> check_file(const Entry& entry, std::string_view name) {
  const bool is_file = entry.type == '0' || entry.type == '\0';
  if (!is_file) {
    return refused(std::string("must be a regular file, got ") + kind_of(entry.type));
  }
  const bool named =
      text(entry.header, name_place) == name && text(entry.header, prefix_place).empty();
  if (!named) return refused("the archive holds another file than " + std::string(name));
  return {};
}

}  // namespace

Result<std::string> only_file(std::string_view tar, std::string_view name, std::size_t bytes_max) {
  Result<Entry> entry = take_entry(tar, bytes_max);
  if (entry && entry->type == 'x') {
    if (Result<void> checked = check_extended(entry->data); !checked) return checked.error();
    entry = take_entry(tar, bytes_max);
  }
  if (!entry) return entry.error();
  if (Result<void> checked = check_file(*entry, name); !checked) return checked.error();
  if (!all_zero(tar)) return refused("the archive holds more than one file");
  if (tar.size() < 2 * block) return refused("the archive is cut off");
  return std::string(entry->data);
}

}  // namespace fairlead
