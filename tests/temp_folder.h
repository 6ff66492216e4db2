#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

// A folder of one test, removed with all that is in it at the end.
namespace fairlead::testing {

class TempFolder {
 public:
  explicit TempFolder(const std::string& in = "/tmp") {
    path_ = in + "/fairlead-test-XXXXXX";
    ::mkdtemp(path_.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string operator/(const std::string& relative) const { return path_ + "/" + relative; }
  const std::string& path() const { return path_; }

  // Writes in place, as most programs do; makes the folders.
  void write(const std::string& relative, const std::string& text) const {
    const std::filesystem::path file = *this / relative;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  // Empty where there is no such file.
  std::string read(const std::string& relative) const {
    std::ifstream file(*this / relative, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void link(const std::string& target, const std::string& relative) const {
    std::filesystem::create_symlink(target, *this / relative);
  }
  // Re-points a link in one step, as git-sync does.
  void flip(const std::string& target, const std::string& relative) const {
    link(target, relative + ".next");
    std::filesystem::rename(*this / (relative + ".next"), *this / relative);
  }

 private:
  std::string path_;
};

}  // namespace fairlead::testing
