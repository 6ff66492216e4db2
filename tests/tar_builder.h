#pragma once

#include <cstdio>
#include <string>

// Makes tars, well-formed and hostile ones, byte by byte.
namespace fairlead::testing {

struct TarEntry {
  std::string name = "cloud_manifest.yml";
  std::string data = "name: blog\n";
  char type = '0';
  std::string size;  // as it stands in the header; empty: that of the data
};

inline std::string tar_entry(const TarEntry& entry) {
  std::string header(512, '\0');
  const auto put = [&](std::size_t offset, const std::string& text) {
    header.replace(offset, text.size(), text);
  };
  char size[12];
  std::snprintf(size, sizeof size, "%011zo", entry.data.size());
  put(0, entry.name.substr(0, 100));
  put(100, "0000644");
  put(124, entry.size.empty() ? size : entry.size);
  put(136, "00000000000");
  put(148, "        ");
  header[156] = entry.type;
  put(257, "ustar");
  put(263, "00");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char checksum[8];
  std::snprintf(checksum, sizeof checksum, "%06o", sum);
  put(148, std::string(checksum, 7));
  return header + entry.data + std::string((512 - entry.data.size() % 512) % 512, '\0');
}

inline std::string tar_end() { return std::string(1024, '\0'); }

inline std::string tar_of(const TarEntry& entry) { return tar_entry(entry) + tar_end(); }

// "19 path=/etc/shadow\n" in an entry of its own, to stand before another one.
inline std::string pax_entry(const std::string& records) {
  TarEntry entry;
  entry.name = "PaxHeaders.0/cloud_manifest.yml";
  entry.data = records;
  entry.type = 'x';
  return tar_entry(entry);
}

}  // namespace fairlead::testing
