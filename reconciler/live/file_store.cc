#include "reconciler/live/file_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "reconciler/check.h"
#include "reconciler/live/file_io.h"

namespace fairlead::live {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadMax = 16u << 20;

// What an ACME client lays into the edge's folder is read by nginx's workers, which are nobody.
unsigned folder_mode(FileCall::Area area) { return area == FileCall::Area::edge ? 0755 : 0700; }

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

// The folder that holds the last part, component by component without following links. Those that
// are missing are made with `make_mode`; 0: they are not. A negative errno on failure.
int open_parent(const std::string& root, const std::vector<std::string>& parts,
                unsigned make_mode) {
  if (make_mode != 0) {
    const int error = make_folders(root, make_mode);
    if (error != 0) return -error;
  }
  UniqueFd folder(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok()) return -errno;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const char* name = parts[i].c_str();
    if (make_mode != 0 && ::mkdirat(folder.get(), name, make_mode) != 0 && errno != EEXIST)
      return -errno;
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
  switch (call.area) {
    case FileCall::Area::state:
      return folders_.state;
    case FileCall::Area::secrets:
      return folders_.mounted_secrets;
    case FileCall::Area::edge:
      return folders_.edge;
    case FileCall::Area::sockets: {
      static const std::string sockets = "/proc/self/net";
      return sockets;
    }
  }
  FAIRLEAD_CHECK(false);
}

Answer FileStore::call(const FileCall& call) const {
  const bool whole_area = call.act == FileCall::Act::list && call.path.empty();
  if (!whole_area && !proper(split(call.path)))
    return Answer{500, "", "not a relative path: \"" + call.path + "\""};
  if ((read_only_ || call.area == FileCall::Area::sockets) && call.writes())
    return Answer{500, "", "refused to change " + call.path + ": this world only reads"};
  switch (call.act) {
    case FileCall::Act::write:
      return write(call);
    case FileCall::Act::remove:
      return remove(call);
    case FileCall::Act::list:
      return list(call);
    case FileCall::Act::read:
      return read(call);
  }
  return Answer{500, "", "unknown act"};
}

Answer FileStore::write(const FileCall& call) const {
  const std::string path = area(call) + "/" + call.path;
  const auto parts = split(call.path);
  const UniqueFd folder(open_parent(area(call), parts, folder_mode(call.area)));
  if (!folder.ok()) return failed("write", path, folder.get() == -ENOENT ? EIO : -folder.get());
  // Mounted secrets live in memory: nothing to make durable.
  const bool durable = call.area != FileCall::Area::secrets;
  const int error =
      write_atomic(folder.get(), parts.back(), call.content.reveal(), call.mode, durable);
  return error == 0 ? Answer{200, "", ""} : failed("write", path, error == ENOENT ? EIO : error);
}

Answer FileStore::remove(const FileCall& call) const {
  const std::string path = area(call) + "/" + call.path;
  const auto parts = split(call.path);
  const UniqueFd folder(open_parent(area(call), parts, 0));
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

Answer FileStore::read(const FileCall& call) const {
  const std::string path = area(call) + "/" + call.path;
  const auto parts = split(call.path);
  const UniqueFd folder(open_parent(area(call), parts, 0));
  if (!folder.ok()) return failed("read", path, -folder.get());
  const UniqueFd file(::openat(folder.get(), parts.back().c_str(),
                               O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!file.ok()) return failed("read", path, errno);
  Answer answer{200, "", ""};
  const int error = read_all(file.get(), kReadMax, answer.body);
  return error == 0 ? answer : failed("read", path, error);
}

}  // namespace fairlead::live
