#include "reconciler/live/folder.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "reconciler/first_level.h"
#include "reconciler/ignore.h"
#include "reconciler/live/git_revision.h"

namespace fairlead::live {

namespace {

constexpr int kAttempts = 6;
constexpr std::size_t kManifestMax = 1u << 20;
constexpr std::size_t kManifestsMax = 64u << 20;  // all texts of a first-level folder
constexpr std::size_t kSecretMax = 64u << 10;
constexpr std::size_t kCertificateMax = 256u << 10;
constexpr Tree::Rules kWhole{true, false};
constexpr Tree::Rules kCertificates{false, true};
// Some file systems count time in whole seconds; two writes in one tick look alike.
constexpr std::int64_t kSettledAfter = 2'000'000'000;

bool ends_with(const std::string& name, std::string_view end) {
  return name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

bool any_name(const std::string&) { return true; }

// The ACME client keeps the issuers' certificates beside, which stand in the chains as well.
bool certificate_name(const std::string& name) {
  return (ends_with(name, ".crt") && !ends_with(name, ".issuer.crt")) || ends_with(name, ".key") ||
         ends_with(name, ".pem");
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

bool settled(const struct stat& status) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t age = std::chrono::nanoseconds(now).count() - nanoseconds(status.st_ctim);
  return age > kSettledAfter;
}

std::string absolute(const std::string& path) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(path, error);
  return error || path.empty() ? path : whole.string();
}

void refuse(FolderReading& reading, FolderReading::State state, std::string message) {
  reading.state = state;
  reading.message = std::move(message);
  reading.files.clear();
}

constexpr char kTooLarge[] = "more than 10,000 manifests, 100,000 files or 64 MiB";

// Of a part that is too large no file counts: a short list would be a removal.
void leave_out(FolderReading& reading, const std::set<std::string>& too_large) {
  std::erase_if(reading.files, [&](const ManifestFile& file) {
    return file.path != ignore_file && too_large.count(first_level(file.path)) > 0;
  });
  for (const std::string& part : too_large) {
    reading.files.push_back({part.empty() ? top_level : part, nullptr, kTooLarge});
  }
  std::sort(reading.files.begin(), reading.files.end(),
            [](const ManifestFile& a, const ManifestFile& b) { return a.path < b.path; });
}

bool same_file(const ManifestFile& a, const ManifestFile& b) {
  if (a.path != b.path || a.error != b.error) return false;
  return a.text == b.text || (a.text && b.text && *a.text == *b.text);
}

}  // namespace

bool same_reading(const FolderReading& a, const FolderReading& b) {
  return a.state == b.state && a.folder == b.folder && a.message == b.message &&
         a.revision == b.revision && a.secrets == b.secrets && a.certificates == b.certificates &&
         std::equal(a.files.begin(), a.files.end(), b.files.begin(), b.files.end(), same_file);
}

FolderReader::FolderReader(const Folders& folders)
    : manifests_(absolute(folders.manifests)),
      secrets_{absolute(folders.secrets), "", kWhole, any_name, kSecretMax},
      certificates_{absolute(folders.certificates), "", kCertificates, certificate_name,
                    kCertificateMax},
      acme_{absolute(folders.acme), acme_prefix, kCertificates, certificate_name, kCertificateMax} {
}

std::shared_ptr<const FolderReading> FolderReader::read(WatchSet* watches) {
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    auto reading = std::make_shared<FolderReading>();
    reading->folder = manifests_;
    if (watches != nullptr) watches->begin();
    const Once once = read_once(watches, *reading);
    if (watches != nullptr) watches->commit();
    if (once == Once::done) return reading;
    std::this_thread::sleep_for(std::chrono::milliseconds(5 * attempt));
  }
  auto reading = std::make_shared<FolderReading>();
  reading->folder = manifests_;
  refuse(*reading, FolderReading::State::unreadable,
         manifests_ + ": keeps changing while it is read");
  return reading;
}

FolderReader::Once FolderReader::read_once(WatchSet* watches, FolderReading& reading) {
  if (read_store(watches, secrets_, reading.secrets) == Once::again) return Once::again;
  for (Store* store : {&certificates_, &acme_}) {
    if (read_store(watches, *store, reading.certificates) == Once::again) return Once::again;
  }
  if (watches != nullptr) watch_way(*watches, manifests_, false);
  Result<Tree> tree = Tree::open(manifests_, kWhole);
  if (!tree) {
    const bool missing = tree.error().code == Code::not_found;
    refuse(reading, missing ? FolderReading::State::missing : FolderReading::State::unreadable,
           tree.error().message);
    return Once::done;
  }
  const std::string revision = git_revision(manifests_, watches);
  if (read_manifests(*tree, watches, reading) == Once::again) return Once::again;
  // A root that vanished or was re-pointed meanwhile has given a list that never was.
  if (!tree->still_there()) return Once::again;
  reading.revision = git_revision(manifests_, nullptr);
  return reading.revision == revision ? Once::done : Once::again;
}

FolderReader::Once FolderReader::read_manifests(Tree& tree, WatchSet* watches,
                                                FolderReading& reading) {
  std::vector<TreeEntry> entries;
  const Tree::Outcome outcome = tree.walk(watches, is_manifest_name, entries);
  if (outcome == Tree::Outcome::changed) return Once::again;
  if (!add_ignore_file(tree, watches, entries, reading)) return Once::done;
  if (outcome == Tree::Outcome::too_large) {
    refuse(reading, FolderReading::State::unreadable,
           manifests_ + ": more than 100,000 files: is it the right folder?");
    return Once::done;
  }
  Cache cache;
  std::map<std::string, std::size_t> bytes;
  std::set<std::string> too_large = tree.too_large();
  for (const TreeEntry& entry : entries) {
    const std::string part = first_level(entry.path);
    if (entry.path != ignore_file && too_large.count(part) > 0) continue;
    ManifestFile file;
    if (!read_entry(tree, entry, kManifestMax, manifest_cache_, cache, file)) return Once::again;
    if (file.text) bytes[part] += file.text->size();
    if (bytes[part] > kManifestsMax) too_large.insert(part);
    reading.files.push_back(std::move(file));
  }
  manifest_cache_ = std::move(cache);
  leave_out(reading, too_large);
  const auto unlistable = std::find_if(reading.files.begin(), reading.files.end(),
                                       [](const ManifestFile& file) { return file.path.empty(); });
  if (unlistable != reading.files.end()) {
    refuse(reading, FolderReading::State::unreadable, manifests_ + ": " + unlistable->error);
  }
  return Once::done;
}

// False where it cannot be read: what it may say of the other files is not known.
bool FolderReader::add_ignore_file(Tree& tree, WatchSet* watches, std::vector<TreeEntry>& entries,
                                   FolderReading& reading) const {
  const std::string path = manifests_ + "/" + ignore_file;
  TreeEntry entry{ignore_file, {}, ""};
  if (::lstat(path.c_str(), &entry.status) != 0 && errno == ENOENT) return true;
  if (watches != nullptr) watch_way(*watches, path, true);
  struct stat status;
  const UniqueFd fd(tree.open_file(ignore_file, status));
  if (!fd.ok()) {
    refuse(reading, FolderReading::State::unreadable, path + ": " + refusal_text(-fd.get()));
    return false;
  }
  entries.insert(entries.begin(), std::move(entry));
  return true;
}

FolderReader::Once FolderReader::read_store(WatchSet* watches, Store& store,
                                            std::map<std::string, Secret>& contents) {
  if (store.root.empty()) return Once::done;
  if (watches != nullptr) watch_way(*watches, store.root, false);
  Result<Tree> tree = Tree::open(store.root, store.rules);
  if (!tree) return Once::done;
  std::vector<TreeEntry> entries;
  if (tree->walk(watches, store.wanted, entries) == Tree::Outcome::changed) return Once::again;
  Cache cache;
  for (const TreeEntry& entry : entries) {
    ManifestFile file;
    if (!read_entry(*tree, entry, store.bytes_max, store.cache, cache, file)) return Once::again;
    if (file.text) contents.emplace(store.prefix + file.path, Secret(*file.text));
  }
  store.cache = std::move(cache);
  return tree->still_there() ? Once::done : Once::again;
}

FolderReader::Identity FolderReader::identity_of(const struct stat& status) {
  return Identity{status.st_dev, status.st_ino, status.st_size, nanoseconds(status.st_mtim),
                  nanoseconds(status.st_ctim)};
}

bool FolderReader::read_entry(const Tree& tree, const TreeEntry& entry, std::size_t bytes_max,
                              const Cache& before, Cache& after, ManifestFile& file) {
  file.path = entry.path;
  file.error = entry.error;
  if (!file.error.empty()) return true;
  const auto known = before.find(entry.path);
  const auto unchanged = [&](const struct stat& status) {
    return known != before.end() && known->second.settled &&
           known->second.identity == identity_of(status);
  };
  const auto keep = [&] {
    after.insert(*known);
    file.text = known->second.text;
    return true;
  };
  const bool link = S_ISLNK(entry.status.st_mode);
  if (!link && unchanged(entry.status)) return keep();
  struct stat status;
  const UniqueFd fd(!link && !S_ISREG(entry.status.st_mode) ? -EINVAL
                                                            : tree.open_file(entry.path, status));
  if (!fd.ok()) {
    file.error = refusal_text(-fd.get());
    return fd.get() != -ENOENT || link;
  }
  if (link && unchanged(status)) return keep();
  std::string text;
  const int error = read_all(fd.get(), bytes_max, text);
  if (error != 0) {
    file.error = error == EFBIG ? "larger than " + std::to_string(bytes_max / 1024) + " KiB"
                                : "cannot be read: " + errno_text(error);
    return true;
  }
  const bool same = known != before.end() && *known->second.text == text;
  file.text = same ? known->second.text : std::make_shared<const std::string>(std::move(text));
  after[entry.path] = Known{identity_of(status), settled(status), file.text};
  return true;
}

}  // namespace fairlead::live
