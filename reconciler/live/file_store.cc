#include "reconciler/live/file_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "reconciler/live/file_io.h"

namespace fairlead::live {

namespace {

namespace fs = std::filesystem;

constexpr unsigned kFolderMode = 0700;

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts(1);
  for (const char c : path) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool proper(const std::vector<std::string>& parts) {
  return std::none_of(parts.begin(), parts.end(), [](const std::string& part) {
    return part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos;
  });
}

// The folder that holds the last part, component by component without following links. A negative
// errno on failure.
int open_parent(const std::string& root, const std::vector<std::string>& parts, bool make) {
  if (make) {
    const int error = make_folders(root, kFolderMode);
    if (error != 0) return -error;
  }
  UniqueFd folder(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok()) return -errno;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const char* name = parts[i].c_str();
    if (make && ::mkdirat(folder.get(), name, kFolderMode) != 0 && errno != EEXIST) return -errno;
    UniqueFd next(::openat(folder.get(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!next.ok()) return -errno;
    folder = std::move(next);
  }
  return folder.release();
}

Answer failed(const std::string& act, const std::string& path, int error) {
  if (error == ENOENT) return Answer{404, "", path + ": " + errno_text(error)};
  return Answer{
      500, "",
      "cannot " + act + " " + path + ": " + errno_text(error) + "; " + write_advice(error)};
}

}  // namespace

const std::string& FileStore::area(const FileCall& call) const {
  return call.area == FileCall::Area::state ? state_ : secrets_;
}

Answer FileStore::call(const FileCall& call) const {
  const bool whole_area = call.act == FileCall::Act::list && call.path.empty();
  if (!whole_area && !proper(split(call.path)))
    return Answer{500, "", "not a relative path: \"" + call.path + "\""};
  if (read_only_ && call.writes())
    return Answer{500, "", "refused to change " + call.path + ": this world only reads"};
  switch (call.act) {
    case FileCall::Act::write:
      return write(call);
    case FileCall::Act::remove:
      return remove(call);
    case FileCall::Act::list:
      return list(call);
  }
  return Answer{500, "", "unknown act"};
}

Answer FileStore::write(const FileCall& call) const {
  const std::string path = area(call) + "/" + call.path;
  const auto parts = split(call.path);
  const UniqueFd folder(open_parent(area(call), parts, true));
  if (!folder.ok()) return failed("write", path, folder.get() == -ENOENT ? EIO : -folder.get());
  // Mounted secrets live in memory: nothing to make durable.
  const bool durable = call.area == FileCall::Area::state;
  const int error =
      write_atomic(folder.get(), parts.back(), call.content.reveal(), call.mode, durable);
  return error == 0 ? Answer{200, "", ""} : failed("write", path, error == ENOENT ? EIO : error);
}

Answer FileStore::remove(const FileCall& call) const {
  const std::string path = area(call) + "/" + call.path;
  const auto parts = split(call.path);
  const UniqueFd folder(open_parent(area(call), parts, false));
  if (!folder.ok()) return failed("remove", path, -folder.get());
  if (::unlinkat(folder.get(), parts.back().c_str(), 0) == 0) return Answer{200, "", ""};
  if (errno != EISDIR && errno != EPERM) return failed("remove", path, errno);
  std::error_code error;
  fs::remove_all(path, error);
  return error ? failed("remove", path, error.value()) : Answer{200, "", ""};
}

Answer FileStore::list(const FileCall& call) const {
  const fs::path root = call.path.empty() ? area(call) : area(call) + "/" + call.path;
  std::error_code error;
  std::vector<std::string> paths;
  fs::recursive_directory_iterator entry(root, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    // What a write cut short by a crash left beside is no file of ours.
    if (entry->path().filename().string().rfind(".new-", 0) == 0) continue;
    if (fs::is_regular_file(entry->symlink_status(ignored)))
      paths.push_back(entry->path().lexically_relative(area(call)).string());
  }
  if (error) return failed("list", root.string(), error.value());
  std::sort(paths.begin(), paths.end());
  return Answer{200, Json(paths).dump(), ""};
}

}  // namespace fairlead::live
