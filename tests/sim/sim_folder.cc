#include <algorithm>

#include "tests/sim/sim_world.h"

// What comes to the daemon by itself: the manifest folder, commands, signals.
namespace fairlead::sim {

void SimWorld::send_reading() {
  folder_set_ = true;
  deliver(steady_, daemon_, ManifestsChanged{std::make_shared<const FolderReading>(folder_)});
}

void SimWorld::set_files(const std::map<std::string, std::string>& files) {
  folder_.state = FolderReading::State::ok;
  folder_.folder = "/etc/fairlead/manifests";
  folder_.message.clear();
  std::vector<ManifestFile> before = std::exchange(folder_.files, {});
  for (const auto& [path, text] : files) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const ManifestFile& file) {
      return file.path == path && file.text && *file.text == text;
    });
    folder_.files.push_back(
        same != before.end() ? *same
                             : ManifestFile{path, std::make_shared<const std::string>(text), ""});
  }
  send_reading();
}

void SimWorld::set_file(const std::string& path, const std::string& text) {
  std::map<std::string, std::string> files;
  for (const ManifestFile& file : folder_.files) {
    if (file.text) files[file.path] = *file.text;
  }
  files[path] = text;
  set_files(files);
}

void SimWorld::remove_file(const std::string& path) {
  std::erase_if(folder_.files, [&](const ManifestFile& file) { return file.path == path; });
  send_reading();
}

void SimWorld::set_broken_file(const std::string& path, const std::string& error) {
  std::erase_if(folder_.files, [&](const ManifestFile& file) { return file.path == path; });
  folder_.files.push_back({path, nullptr, error});
  std::sort(folder_.files.begin(), folder_.files.end(),
            [](const ManifestFile& a, const ManifestFile& b) { return a.path < b.path; });
  send_reading();
}

void SimWorld::set_folder_missing(const std::string& message) {
  folder_.state = FolderReading::State::missing;
  folder_.message = message;
  folder_.files.clear();
  send_reading();
}

void SimWorld::set_folder_unreadable(const std::string& message) {
  folder_.state = FolderReading::State::unreadable;
  folder_.message = message;
  folder_.files.clear();
  send_reading();
}

void SimWorld::set_secret(const std::string& path, const std::string& content) {
  folder_.secrets[path] = Secret(content);
  if (folder_set_) send_reading();
}

void SimWorld::set_certificate(const std::string& path, const std::string& content) {
  folder_.certificates[path] = Secret(content);
  if (content.empty()) folder_.certificates.erase(path);
  if (folder_set_) send_reading();
}

std::string SimWorld::file(const std::string& path) const {
  const auto found =
      std::find_if(folder_.files.begin(), folder_.files.end(),
                   [&](const ManifestFile& file) { return file.path == path && file.text; });
  return found == folder_.files.end() ? "" : *found->text;
}

void SimWorld::set_edge_file(const std::string& path, const std::optional<std::string>& content) {
  auto& files = files_[FileCall::Area::edge];
  if (content) files[path] = {*content, 0644};
  if (!content) files.erase(path);
}

void SimWorld::set_host(const std::string& path, const std::string& what) {
  files_[FileCall::Area::host][path] = {what, 0};
}

void SimWorld::wipe_edge() { files_[FileCall::Area::edge].clear(); }

void SimWorld::set_revision(const std::string& revision) {
  folder_.revision = revision;
  if (folder_set_) send_reading();
}

std::uint64_t SimWorld::command(const std::string& verb, std::map<std::string, std::string> words) {
  deliver(steady_, daemon_, Command{++commands_, verb, std::move(words)});
  return commands_;
}

std::optional<Reply> SimWorld::reply(std::uint64_t command) const {
  const auto found = replies_.find(command);
  if (found == replies_.end()) return std::nullopt;
  return found->second;
}

void SimWorld::platform_changed(std::shared_ptr<const Platform> platform) {
  deliver(steady_, daemon_, PlatformChanged{std::move(platform)});
}

void SimWorld::stop() { deliver(steady_, daemon_, Stop{}); }

void SimWorld::add_to_state(const std::string& path, const std::string& text) {
  files_[FileCall::Area::state][path].content += text;
}

}  // namespace fairlead::sim
