#include "tests/live/busybox_image.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace fairlead::testing {
namespace {

void pad(std::string& archive) { archive.resize((archive.size() + 511) / 512 * 512, '\0'); }

// One entry of a tar archive; `link` makes it a symbolic link.
void add_entry(std::string& archive, const std::string& name, const std::string& content,
               const std::string& link = "") {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
  };
  char size[16];
  std::snprintf(size, sizeof size, "%011zo", content.size());
  put(0, name);
  put(100, "0000755");
  put(108, "0000000");
  put(116, "0000000");
  put(124, size);
  put(136, "00000000000");
  put(148, "        ");
  put(156, !link.empty() ? "2" : name.ends_with("/") ? "5" : "0");
  put(157, link);
  put(257, "ustar");
  put(263, "00");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char checksum[16];
  std::snprintf(checksum, sizeof checksum, "%06o", sum);
  put(148, std::string(checksum) + '\0' + ' ');
  archive += header + content;
  pad(archive);
}

}  // namespace

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

std::string busybox_archive(const std::map<std::string, std::string>& files) {
  std::ifstream file(environment("FAIRLEAD_TEST_BUSYBOX", "/bin/busybox"), std::ios::binary);
  const std::string program((std::istreambuf_iterator<char>(file)), {});
  REQUIRE_MESSAGE(program.size() > 100'000, "a static busybox is needed: FAIRLEAD_TEST_BUSYBOX");
  std::string archive;
  add_entry(archive, "bin/busybox", program);
  for (const char* name : {"sh", "sleep", "true", "false", "echo", "cat", "rm", "test", "touch",
                           "httpd", "mkdir", "wget"}) {
    add_entry(archive, std::string("bin/") + name, "", "busybox");
  }
  for (const auto& [path, content] : files) {
    const bool link = content.rfind("-> ", 0) == 0;
    add_entry(archive, path, link ? "" : content, link ? content.substr(3) : "");
  }
  archive.append(1024, '\0');
  return archive;
}

}  // namespace fairlead::testing
