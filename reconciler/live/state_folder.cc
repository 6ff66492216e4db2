#include "reconciler/live/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "reconciler/app_state.h"
#include "reconciler/keys.h"

namespace fairlead::live {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kInstallationDigits = 16;
constexpr std::size_t kKeyBytes = 32;

Result<std::string> random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  if (::getrandom(bytes.data(), size, 0) == static_cast<ssize_t>(size)) return bytes;
  return Error{Code::internal, "getrandom: " + errno_text(errno), ""};
}

bool is_installation(const std::string& text) {
  return text.size() == kInstallationDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Error cannot(const std::string& act, const std::string& path, int error) {
  const bool refused = error == EACCES || error == EPERM;
  return Error{refused ? Code::denied : Code::unavailable,
               "cannot " + act + " " + path + ": " + errno_text(error) + "; " + write_advice(error),
               ""};
}

}  // namespace

Result<StateFolder> StateFolder::open(const std::string& path, Mode mode) {
  StateFolder state;
  state.path_ = path;
  if (mode == Mode::own) {
    const int error = make_folders(path, 0700);
    if (error != 0) return cannot("make the state folder", path, error);
  }
  state.folder_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!state.folder_.ok() && (mode == Mode::own || errno != ENOENT))
    return cannot("open the state folder", path, errno);
  if (mode == Mode::own) {
    const Result<void> locked = state.lock();
    if (!locked) return locked.error();
  }
  const Result<void> identified = state.identify(mode);
  if (!identified) return identified.error();
  return state;
}

Result<void> StateFolder::let_through() const {
  struct stat status;
  if (::fstat(folder_.get(), &status) != 0) return cannot("look at", path_, errno);
  if (::fchmod(folder_.get(), (status.st_mode & 07777) | 011) != 0)
    return cannot("change the mode of", path_, errno);
  return {};
}

Result<void> StateFolder::lock() {
  const std::string path = path_ + "/lock";
  lock_ =
      UniqueFd(::openat(folder_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock_.ok()) return cannot("open", path, errno);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return cannot("lock", path, errno);
    std::string pid;
    if (read_all(lock_.get(), 32, pid) != 0 || pid.empty()) pid = "unknown";
    return Error{Code::conflict,
                 "another fairlead (pid " + pid.substr(0, pid.find('\n')) + ") works with " +
                     path_ + "; stop it first, or give this one another folders.state",
                 ""};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock_.get(), 0) != 0 ||
      ::pwrite(lock_.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return cannot("write", path, errno);
  return {};
}

Result<void> StateFolder::identify(Mode mode) {
  const Result<std::string> fresh_key = random_bytes(kKeyBytes);
  if (!fresh_key) return fresh_key.error();
  const bool key_lost = !has("key") && has("installation");
  if (key_lost) {
    return Error{Code::invalid,
                 path_ +
                     "/key is gone, and without it nothing on this host is recognised as ours; "
                     "restore it from a backup, or remove " +
                     path_ + "/installation to start over",
                 ""};
  }
  const Result<std::string> key = read_or_make("key", *fresh_key, mode);
  if (!key) return key.error();
  if (key->size() != kKeyBytes)
    return Error{Code::invalid, path_ + "/key: not 32 bytes; restore it from a backup", ""};
  key_ = Secret(*key);
  // Made of the key, so that losing this file loses nothing.
  const std::string made = Keys("", key_).digest("installation", "").substr(0, kInstallationDigits);
  const Result<std::string> id = read_or_make("installation", made, mode);
  if (!id) return id.error();
  installation_ = *id;
  if (is_installation(installation_)) return {};
  return Error{Code::invalid, path_ + "/installation: not 16 hex digits; remove it", ""};
}

bool StateFolder::has(const std::string& name) const {
  return folder_.ok() && ::faccessat(folder_.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<std::string> StateFolder::read_or_make(const std::string& name, const std::string& fresh,
                                              Mode mode) {
  const std::string path = path_ + "/" + name;
  const UniqueFd fd(folder_.ok() ? ::openat(folder_.get(), name.c_str(),
                                            O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
                                 : -1);
  if (!fd.ok()) {
    if (folder_.ok() && errno != ENOENT) return cannot("open", path, errno);
    if (mode == Mode::look) return fresh;
    const int error = write_atomic(folder_.get(), name, fresh, 0600, true);
    if (error == 0 && ::fsync(folder_.get()) == 0) return fresh;
    return cannot("write", path, error != 0 ? error : errno);
  }
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return cannot("read", path, errno);
  if ((status.st_mode & 077) != 0) {
    return Error{Code::denied,
                 path + " can be read by others; see who did, then: chmod 600 " + path, ""};
  }
  std::string content;
  const int error = read_all(fd.get(), 4096, content);
  if (error != 0) return cannot("read", path, error);
  return content;
}

std::vector<LastGood> StateFolder::last_good() const { return copies("manifests"); }

std::vector<LastGood> StateFolder::choices() const { return copies(updates_folder); }

std::vector<LastGood> StateFolder::images() const { return copies(images_folder); }

std::vector<LastGood> StateFolder::hosts() const { return copies(hosts_folder); }
std::vector<LastGood> StateFolder::names() const { return copies(names_folder); }

std::vector<LastGood> StateFolder::schemes() const { return copies(schemes_folder); }

std::vector<LastGood> StateFolder::served() const { return copies(served_folder); }

std::vector<LastGood> StateFolder::local() const { return copies(local_folder); }

std::vector<LastGood> StateFolder::deaths() const { return copies(deaths_folder); }

std::vector<LastGood> StateFolder::trials() const {
  return copies(trials_folder, Unreadable::empty);
}

std::vector<LastGood> StateFolder::copies(const std::string& folder, Unreadable unreadable) const {
  std::vector<LastGood> copies;
  std::error_code error;
  fs::directory_iterator entry(path_ + "/" + folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.extension() != ".json" || path.filename().string().front() == '.') continue;
    Result<std::string> text = read_file(path.string(), 4u << 20);
    if (!text && unreadable == Unreadable::left_out) continue;
    copies.push_back(LastGood{path.stem().string(), text ? std::move(*text) : ""});
  }
  std::sort(copies.begin(), copies.end(),
            [](const LastGood& a, const LastGood& b) { return a.name < b.name; });
  return copies;
}

}  // namespace fairlead::live
