#include "providers/docker/storage.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "providers/docker/decode.h"
#include "providers/docker/reader.h"

namespace fairlead::docker {
namespace {

// Where the volume is mounted in a keeper: in no place that an image has.
constexpr char place[] = "/fairlead-storage";
constexpr char folder_name[] = "data";
constexpr std::string_view in_name = ".storage.";

// "www-data:x:33:33:…" → its fields.
std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t colon = line.find(':'); colon != line.npos; colon = line.find(':')) {
    fields.push_back(line.substr(0, colon));
    line.remove_prefix(colon + 1);
  }
  fields.push_back(line);
  return fields;
}

std::optional<std::uint32_t> id_of(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

// The fields of the line that begins with this name, at least `fields_min` of them.
std::vector<std::string_view> entry_of(std::string_view file, std::string_view name,
                                       std::size_t fields_min) {
  while (!file.empty()) {
    const std::size_t end = std::min(file.find('\n'), file.size());
    std::vector<std::string_view> fields = fields_of(file.substr(0, end));
    if (fields.size() >= fields_min && fields.front() == name) return fields;
    file.remove_prefix(std::min(end + 1, file.size()));
  }
  return {};
}

std::pair<std::string, std::string> halves(const std::string& owner) {
  const std::size_t colon = owner.find(':');
  if (colon == owner.npos) return {owner, ""};
  return {owner.substr(0, colon), owner.substr(colon + 1)};
}

Error unknown(const std::string& what, const std::string& file) {
  return {Code::not_found, "the image's " + file + " has no " + what, ""};
}

}  // namespace

Identity keeper_identity(const std::string& app, const std::string& image_id) {
  return {"keeper", app, "", image_id, 1};
}

Json keeper_body(const Identity& keeper, const std::vector<std::string>& volumes,
                 const Json& labels) {
  Json body = reader_body(keeper.fingerprint, volumes, labels);
  Json host = body["HostConfig"];
  Json mounts = host["Mounts"];
  // Or the engine would fill an empty volume with what the image has at this place.
  const Json options = Json::object({{"NoCopy", true}});
  mounts.push(Json::object({{"Type", "volume"},
                            {"Source", Identity{"volume", keeper.app, "", "", 1}.name()},
                            {"Target", std::string(place) + "/" + folder_name},
                            {"VolumeOptions", options}}));
  host.set("Mounts", mounts);
  // The engine sets nothing in a container whose root file system is not to be written.
  host.set("ReadonlyRootfs", false);
  body.set("HostConfig", host);
  return body;
}

Result<void> check_keeper(const Json& body, const std::string& name) {
  const Identity identity = claimed_identity("keeper", body["Labels"]);
  std::vector<std::string> volumes;
  for (const Json& mount : body["HostConfig"]["Mounts"].items()) {
    if (mount["Type"].as_string() == "tmpfs") volumes.push_back(mount["Target"].as_string());
  }
  const bool named = !identity.app.empty() && identity.name() == name;
  if (named && body == keeper_body(identity, volumes, body["Labels"])) return {};
  return Error{Code::invalid, "a keeper that is not made as fairlead makes it", ""};
}

bool is_keeper_name(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == 0 || dot == name.npos || name.substr(dot, in_name.size()) != in_name) return false;
  const std::string_view digits = name.substr(dot + in_name.size());
  return digits.size() == image_id_in_name &&
         std::all_of(digits.begin(), digits.end(),
                     [](unsigned char c) { return std::isxdigit(c) != 0; });
}

HttpCall own_call(const std::string& api, const std::string& keeper, const FolderEntry& folder) {
  HttpCall call;
  call.method = "PUT";
  call.path = api + "/containers/" + keeper + "/archive?path=" + place;
  call.headers.emplace_back("Content-Type", "application/x-tar");
  call.body = folder_archive(folder_name, folder);
  call.timeout = create_timeout;
  return call;
}

Result<void> check_own(const HttpCall& call) {
  constexpr std::string_view before = "/containers/";
  const std::string after = std::string("/archive?path=") + place;
  const std::string_view path = call.path;
  const std::size_t from = path.find(before) + before.size();
  const std::size_t to = path.find('/', from);
  const bool right = path.find(before) != path.npos && to != path.npos &&
                     path.substr(to) == after && is_keeper_name(path.substr(from, to - from));
  const Result<FolderEntry> folder = first_folder(call.body, folder_name);
  if (right && folder && call.body == folder_archive(folder_name, *folder)) return {};
  return Error{Code::invalid, "files for a container", ""};
}

Result<FolderEntry> decode_folder(const std::string& path, const Answer& answer) {
  const std::string message = answer.answered() ? decode_message(answer.body) : answer.error;
  const bool gone = answer.status == 404 && message.find("No such container") != message.npos;
  if (!answer.answered() || gone) return Error{Code::unavailable, path + ": " + message, ""};
  if (!answer.ok()) return Error{Code::invalid, path + ": " + message, ""};
  Result<FolderEntry> folder = first_folder(answer.body, path.substr(path.rfind('/') + 1));
  if (!folder) return Error{Code::invalid, path + ": " + folder.error().message, ""};
  return folder;
}

bool has_names(const std::string& owner) {
  const auto [user, group] = halves(owner);
  return !id_of(user) || (!group.empty() && !id_of(group));
}

Result<Owner> find_owner(const std::string& text, std::string_view passwd, std::string_view group) {
  const auto [user_text, group_text] = halves(text);
  Owner owner;
  if (const auto id = id_of(user_text)) {
    owner.user = *id;
  } else {
    const auto entry = entry_of(passwd, user_text, 4);
    const auto known = entry.empty() ? std::nullopt : id_of(entry[2]);
    if (!known) return unknown("user " + user_text, "/etc/passwd");
    owner.user = *known;
    owner.group = id_of(entry[3]);
  }
  if (group_text.empty()) return owner;
  owner.group = id_of(group_text);
  if (owner.group) return owner;
  const auto entry = entry_of(group, group_text, 3);
  if (!entry.empty()) owner.group = id_of(entry[2]);
  if (!owner.group) return unknown("group " + group_text, "/etc/group");
  return owner;
}

}  // namespace fairlead::docker
