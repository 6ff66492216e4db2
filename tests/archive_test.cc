#include "reconciler/archive.h"

#include <doctest/doctest.h>

#include "tests/tar_builder.h"

using namespace fairlead;
using namespace fairlead::testing;

namespace {

constexpr std::size_t most = 1 << 20;

// What is said of a tar that is refused; the content in quotes where it is not.
std::string read(const std::string& tar) {
  const Result<std::string> text = only_file(tar, "cloud_manifest.yml", most);
  return text ? "\"" + *text + "\"" : text.error().message;
}

TarEntry entry(char type) {
  TarEntry made;
  made.type = type;
  made.data = "";
  return made;
}

TarEntry declared(const std::string& size) {
  TarEntry made;
  made.size = size;
  return made;
}

}  // namespace

TEST_CASE("the one regular file of an archive is read") {
  CHECK(read(tar_of({})) == "\"name: blog\n\"");
  TarEntry old;
  old.type = '\0';
  CHECK(read(tar_of(old)) == "\"name: blog\n\"");
  TarEntry empty;
  empty.data = "";
  CHECK(read(tar_of(empty)) == "\"\"");
  TarEntry full;
  full.data = std::string(512, 'x');
  CHECK(read(tar_of(full)) == "\"" + full.data + "\"");
}

TEST_CASE("a pax header that changes nothing of the file is passed over") {
  const std::string records =
      "30 mtime=1700000000.123456789\n37 SCHILY.xattr.security.capability=\n";
  CHECK(read(pax_entry(records) + tar_of({})) == "\"name: blog\n\"");
}

TEST_CASE("a pax header that says name, size or holes of the file is refused") {
  CHECK(read(pax_entry("20 path=/etc/shadow\n") + tar_of({})) ==
        "the archive says the path of its file twice");
  CHECK(read(pax_entry("14 size=99999\n") + tar_of({})) ==
        "the archive says the size of its file twice");
  CHECK(read(pax_entry("24 linkpath=/etc/shadow\n") + tar_of({})) ==
        "the archive says the linkpath of its file twice");
  CHECK(read(pax_entry("22 GNU.sparse.major=1\n") + tar_of({})) ==
        "must be a regular file, got a sparse file");
}

TEST_CASE("a damaged pax header is refused") {
  for (const char* records : {"x", "5", "4 a\n", "5 =b\n", "99 a=b\n", "0 a=b\n", "3 \n", "6 a=bc",
                              "-6 a=b\n", "99999999999999999999999 a=b\n"}) {
    CAPTURE(records);
    CHECK(read(pax_entry(records) + tar_of({})) == "the archive is damaged");
  }
}

TEST_CASE("a second pax header is not passed over") {
  const std::string pax = pax_entry("6 a=b\n");
  CHECK(read(pax + tar_of({})) == "\"name: blog\n\"");
  CHECK(read(pax + pax + tar_of({})) == "must be a regular file, got an entry of an unknown kind");
}

TEST_CASE("whatever is no regular file is refused and named") {
  CHECK(read(tar_of(entry('1'))) == "must be a regular file, got a hard link");
  CHECK(read(tar_of(entry('2'))) == "must be a regular file, got a symbolic link");
  CHECK(read(tar_of(entry('3'))) == "must be a regular file, got a device");
  CHECK(read(tar_of(entry('4'))) == "must be a regular file, got a device");
  CHECK(read(tar_of(entry('5'))) == "must be a regular file, got a folder");
  CHECK(read(tar_of(entry('6'))) == "must be a regular file, got a named pipe");
  CHECK(read(tar_of(entry('S'))) == "must be a regular file, got a sparse file");
  for (const char type : {'7', 'L', 'K', 'g', 'V', '\xff'}) {
    CHECK(read(tar_of(entry(type))) == "must be a regular file, got an entry of an unknown kind");
  }
}

TEST_CASE("a size beyond the limit is refused before anything is read of it") {
  const std::string larger = "is larger than 1048576 bytes";
  CHECK(read(tar_of(declared("20000000000"))) == larger);  // 2 GiB
  CHECK(read(tar_of(declared("77777777777"))) == larger);
  CHECK(read(tar_of(declared("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))) == larger);
  CHECK(read(tar_of(declared("\x80"))) == larger);
  CHECK(read(tar_of(declared("-1"))) == larger);
  CHECK(read(tar_of(declared("9"))) == larger);  // not octal
  TarEntry large;
  large.data = std::string(most + 1, 'x');
  CHECK(read(tar_of(large)) == larger);
  large.data.pop_back();
  CHECK(read(tar_of(large)).size() == most + 2);
}

TEST_CASE("a pax header has a limit of its own") {
  CHECK(read(pax_entry(std::string((64 << 10) + 1, 'x')) + tar_of({})) ==
        "is larger than 65536 bytes");
}

TEST_CASE("an archive that is cut off anywhere is refused") {
  const std::string tar = pax_entry("6 a=b\n") + tar_of({});
  for (std::size_t length = 0; length < tar.size(); ++length) {
    const std::string text = read(tar.substr(0, length));
    REQUIRE_MESSAGE(text == "the archive is cut off", length);
  }
  CHECK(read(tar_of(declared("00000002000"))) == "the archive is cut off");
}

TEST_CASE("an archive without a file is refused") {
  CHECK(read(tar_end()) == "the archive is empty");
}

TEST_CASE("two entries are refused") {
  CHECK(read(tar_entry({}) + tar_of({})) == "the archive holds more than one file");
  CHECK(read(tar_of({}) + tar_of({})) == "the archive holds more than one file");
}

TEST_CASE("a file of any other name is refused") {
  const std::string other = "the archive holds another file than cloud_manifest.yml";
  for (const char* name : {"../cloud_manifest.yml", "/cloud_manifest.yml", "./cloud_manifest.yml",
                           "cloud_manifest.yml/", "cloud_manifest.yml.sh", "etc/shadow", ""}) {
    TarEntry made;
    made.name = name;
    CAPTURE(name);
    CHECK(read(tar_of(made)) == other);
  }
}

TEST_CASE("a prefix before the name is part of it") {
  std::string tar = tar_of({});
  tar[345] = 'a';
  // The checksum counts every byte of the header.
  CHECK(read(tar) == "the archive is damaged");
  TarEntry made;
  std::string header = tar_entry(made);
  header[345] = 'a';
  unsigned sum = 8 * ' ';
  for (std::size_t i = 0; i < 512; ++i) {
    if (i < 148 || i >= 156) sum += static_cast<unsigned char>(header[i]);
  }
  char checksum[8];
  std::snprintf(checksum, sizeof checksum, "%06o", sum);
  header.replace(148, 7, std::string(checksum, 7));
  CHECK(read(header + tar_end()) == "the archive holds another file than cloud_manifest.yml");
}

TEST_CASE("what is no tar is refused") {
  CHECK(read(std::string(2048, 'x')) == "the archive is damaged");
  std::string tar = tar_of({});
  tar[0] = 'C';
  CHECK(read(tar) == "the archive is damaged");
}

TEST_CASE("a folder's owner and mode are what was written, also where octal digits do not do") {
  for (const FolderEntry& folder :
       {FolderEntry{0, 0, 0755}, FolderEntry{1000, 33, 02770}, FolderEntry{2097151, 2097152, 0700},
        FolderEntry{4294967294u, 70000, 0}}) {
    CAPTURE(folder.user);
    const Result<FolderEntry> read = first_folder(folder_archive("data", folder), "data");
    if (folder.user < 2097152 && folder.group < 2097152) {
      REQUIRE(read);
      CHECK(*read == folder);
    } else {
      // The engine itself writes such ids into a record before the header.
      CHECK_FALSE(read);
    }
  }
}

TEST_CASE("an id that a header has no room for stands in the record before it") {
  const std::string tar = folder_archive("data", {0, 0, 0755});
  const auto read = [&](const std::string& records) {
    const Result<FolderEntry> folder = first_folder(pax_entry(records) + tar, "data");
    return folder ? std::to_string(folder->user) + ":" + std::to_string(folder->group)
                  : folder.error().message;
  };
  CHECK(read("15 uid=3000000\n") == "3000000:0");
  CHECK(read("15 uid=3000000\n15 gid=2097152\n") == "3000000:2097152");
  CHECK(read("10 uid=-1\n") == "the archive is damaged");
  CHECK(read("18 uid=4294967296\n") == "the archive is damaged");
  CHECK(read("15 path=/etc/x\n") == "the archive says the path of its file twice");
}
