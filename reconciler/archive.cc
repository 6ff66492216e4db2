#include "reconciler/archive.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>

namespace fairlead {
namespace {

constexpr std::size_t block = 512;
constexpr std::size_t extended_max = 64 << 10;

// Offset and length of a header's fields (POSIX.1-1988, pax of POSIX.1-2001).
struct HeaderField {
  std::size_t offset, length;
};
constexpr HeaderField name_place{0, 100}, size_place{124, 12}, checksum_place{148, 8};
constexpr HeaderField magic_place{257, 5}, prefix_place{345, 155};
constexpr HeaderField time_place{136, 12}, mode_place{100, 8}, user_place{108, 8},
    group_place{116, 8};
constexpr std::size_t type_offset = 156;

Error refused(std::string message) { return {Code::invalid, std::move(message), ""}; }

std::string_view bytes(std::string_view header, HeaderField place) {
  return header.substr(place.offset, place.length);
}

// Up to the first NUL.
std::string_view text(std::string_view header, HeaderField place) {
  const std::string_view field = bytes(header, place);
  return field.substr(0, field.find('\0'));
}

// Octal digits between spaces and NULs. Nothing for the binary form, which only what is far beyond
// any limit here needs.
std::optional<std::uint64_t> number(std::string_view header, HeaderField place) {
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

// Records "LENGTH KEY=VALUE\n": each goes to `record`. What would change how the entry behind it is
// read is refused.
template <typename Record>
Result<void> read_extended(std::string_view records, const Record& record) {
  while (!records.empty()) {
    std::size_t length = 0;
    const auto [end, error] =
        std::from_chars(records.data(), records.data() + records.size(), length);
    const auto digits = static_cast<std::size_t>(end - records.data());
    if (error != std::errc() || length > records.size() || length < digits + 2 ||
        records[digits] != ' ' || records[length - 1] != '\n') {
      return refused("the archive is damaged");
    }
    const std::string_view text = records.substr(digits + 1, length - digits - 2);
    const std::string_view key = text.substr(0, text.find('='));
    if (key.empty() || key.size() == text.size()) return refused("the archive is damaged");
    const bool sparse = key.substr(0, 10) == "GNU.sparse";
    if (sparse) return refused("must be a regular file, got a sparse file");
    if (key == "path" || key == "linkpath" || key == "size") {
      return refused("the archive says the " + std::string(key) + " of its file twice");
    }
    record(key, text.substr(key.size() + 1));
    records.remove_prefix(length);
  }
  return {};
}

bool is_named(const Entry& entry, std::string_view name) {
  return text(entry.header, name_place) == name && text(entry.header, prefix_place).empty();
}

Result<void> check_file(const Entry& entry, std::string_view name) {
  const bool is_file = entry.type == '0' || entry.type == '\0';
  if (!is_file) {
    return refused(std::string("must be a regular file, got ") + kind_of(entry.type));
  }
  if (!is_named(entry, name)) {
    return refused("the archive holds another file than " + std::string(name));
  }
  return {};
}

// An id that a header has no room for stands in the record before it.
std::optional<std::uint32_t> id_of(std::string_view record, std::string_view header,
                                   HeaderField place) {
  std::uint64_t id = 0;
  if (record.empty()) {
    const auto said = number(header, place);
    if (!said) return std::nullopt;
    id = *said;
  } else {
    const auto [end, error] = std::from_chars(record.data(), record.data() + record.size(), id);
    if (error != std::errc() || end != record.data() + record.size()) return std::nullopt;
  }
  if (id > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(id);
}

void put_number(std::string& header, HeaderField place, std::uint64_t value) {
  const std::size_t digits = place.length - 1;
  const bool fits = value >> (3 * digits) == 0;
  for (std::size_t i = 0; i < place.length; ++i) {
    const std::size_t at = place.offset + place.length - 1 - i;
    // Where octal digits do not do: the binary form of GNU and of Go.
    if (!fits) header[at] = static_cast<char>(value >> (8 * i) & 255);
    if (fits && i > 0) header[at] = static_cast<char>('0' + (value >> (3 * (i - 1)) & 7));
  }
  if (!fits) header[place.offset] = '\x80';
}

}  // namespace

Result<std::string> only_file(std::string_view tar, std::string_view name, std::size_t bytes_max) {
  Result<Entry> entry = take_entry(tar, bytes_max);
  if (entry && entry->type == 'x') {
    const Result<void> checked = read_extended(entry->data, [](auto, auto) {});
    if (!checked) return checked.error();
    entry = take_entry(tar, bytes_max);
  }
  if (!entry) return entry.error();
  if (Result<void> checked = check_file(*entry, name); !checked) return checked.error();
  if (!all_zero(tar)) return refused("the archive holds more than one file");
  if (tar.size() < 2 * block) return refused("the archive is cut off");
  return std::string(entry->data);
}

Result<FolderEntry> first_folder(std::string_view tar, std::string_view name) {
  Result<Entry> entry = take_entry(tar, 0);
  std::string_view user, group;
  if (entry && entry->type == 'x') {
    const Result<void> read =
        read_extended(entry->data, [&](std::string_view key, std::string_view value) {
          if (key == "uid") user = value;
          if (key == "gid") group = value;
        });
    if (!read) return read.error();
    entry = take_entry(tar, 0);
  }
  if (!entry) return entry.error();
  if (entry->type != '5') {
    return refused(std::string("must be a folder, got ") +
                   (entry->type == '0' ? "a regular file" : kind_of(entry->type)));
  }
  if (!is_named(*entry, std::string(name) + "/")) {
    return refused("the archive holds another folder than " + std::string(name));
  }
  const auto user_id = id_of(user, entry->header, user_place);
  const auto group_id = id_of(group, entry->header, group_place);
  const auto mode = number(entry->header, mode_place);
  if (!user_id || !group_id || !mode) return refused("the archive is damaged");
  return FolderEntry{*user_id, *group_id, static_cast<unsigned>(*mode & 07777)};
}

std::string folder_archive(std::string_view name, const FolderEntry& folder) {
  std::string header(block, '\0');
  const std::string entry = std::string(name) + "/";
  header.replace(name_place.offset, entry.size(), entry);
  put_number(header, mode_place, folder.mode);
  put_number(header, user_place, folder.user);
  put_number(header, group_place, folder.group);
  put_number(header, size_place, 0);
  put_number(header, time_place, 0);
  header[type_offset] = '5';
  header.replace(magic_place.offset, 8, std::string("ustar\00000", 8));
  header.replace(checksum_place.offset, checksum_place.length, checksum_place.length, ' ');
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put_number(header, {checksum_place.offset, checksum_place.length - 1}, sum);
  return header + std::string(2 * block, '\0');
}

}  // namespace fairlead
