#include "reconciler/adopt.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "reconciler/grammar.h"
#include "reconciler/source_text.h"

namespace fairlead {
namespace {

constexpr std::size_t name_max = 40;

std::vector<std::string> keys(const Json& map) {
  std::vector<std::string> found;
  for (const auto& [key, value] : map.members()) found.push_back(key);
  return found;
}

// ["CMD", "curl", "-f", "…"] → "curl -f …"; "NONE" disables what an image below it said.
std::string health_of(const Json& test) {
  const auto& words = test.items();
  if (words.size() < 2 || words[0].as_string() == "NONE") return "";
  std::string line;
  for (std::size_t i = 1; i < words.size(); ++i) line += (i > 1 ? " " : "") + words[i].as_string();
  return line;
}

// Besides the control characters also U+2028 and U+2029, at which some readers of YAML end a line.
bool breaks_line(std::string_view character) {
  return is_control(character) || character == "\xe2\x80\xa8" || character == "\xe2\x80\xa9";
}

// One line, whatever the image says.
std::string plain(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    line += length == 0 || breaks_line(character) ? std::string("?") : std::string(character);
    text.remove_prefix(character.size());
  }
  return line;
}

std::string commented(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    lines += line.empty() ? "#\n" : "#   " + plain(line) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// As it must be written to be read as text again: an app may be called null.
std::string scalar(const std::string& text) {
  const ParsedFile read = parse_file("", "value: " + text + "\n");
  const bool same = read.errors.empty() && read.documents.size() == 1 &&
                    read.documents[0].value == Json::object({{"value", text}});
  return same ? text : Json(text).dump();
}

std::string errors_text(const std::vector<Error>& errors) {
  std::string text;
  for (const Error& error : errors) text += "#   " + plain(error.text()) + "\n";
  return text;
}

std::string own_manifest(const ImageText& source, const ImageManifest& manifest) {
  if (!manifest.errors.empty()) {
    return "\n# The manifest in the image cannot be used:\n" + errors_text(manifest.errors);
  }
  std::string text = "\n# What the image says itself (" + plain(source.file()) +
                     "), and what is said here fills and overrides:\n" + commented(source.text);
  if (!manifest.ignored.empty()) {
    text += "# Of this is left out, and can be said here:\n" + errors_text(manifest.ignored);
  }
  return text;
}

// "80/tcp" → a line of `expose`; nothing for a protocol that cannot be exposed.
std::optional<std::string> expose_line(const std::string& port) {
  int number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  const std::string_view rest(end, static_cast<std::size_t>(port.data() + port.size() - end));
  const bool valid = error == std::errc() && number >= 1 && number <= 65535;
  if (!valid || (rest != "/tcp" && !rest.empty())) return std::nullopt;
  constexpr std::array<int, 7> web{80, 3000, 5000, 8000, 8080, 8081, 8888};
  const bool is_web = std::find(web.begin(), web.end(), number) != web.end();
  return "# - {proto: " + std::string(is_web ? "http" : "tcp") +
         ", port: " + std::to_string(number) + "}\n";
}

std::string expose_hint(const std::vector<std::string>& ports) {
  std::string lines;
  std::string others;
  for (const std::string& port : ports) {
    const auto line = expose_line(port);
    if (line) lines += *line;
    if (!line) others += "# EXPOSE " + plain(port) + " has no counterpart here.\n";
  }
  return (lines.empty() ? "" : "# expose:   # its EXPOSE\n" + lines) + others;
}

std::string volume_hint(const std::vector<std::string>& volumes) {
  if (volumes.empty()) return "";
  // There is one volume for an app.
  std::string text =
      "# needs:    # its VOLUME\n# - storage: {path: " + Json(plain(volumes[0])).dump() + "}\n";
  for (std::size_t i = 1; i < volumes.size(); ++i) {
    text += "# VOLUME " + plain(volumes[i]) + " as well: what is written there is not kept.\n";
  }
  return text;
}

std::string hints(const ImageFacts& facts) {
  std::string text = expose_hint(facts.ports) + volume_hint(facts.volumes);
  if (!facts.health.empty()) {
    text += "# Its HEALTHCHECK is used unless `health` is said: " + plain(facts.health) + "\n";
  }
  text += facts.user.empty() ? "# It runs as root unless `user` is said.\n"
                             : "# It runs as the user " + plain(facts.user) + ".\n";
  return "\n# What the configuration of the image tells:\n" + text;
}

}  // namespace

ImageFacts image_facts(const Json& inspect) {
  const Json& config = inspect["Config"];
  ImageFacts facts;
  facts.id = inspect["Id"].as_string();
  facts.ports = keys(config["ExposedPorts"]);
  facts.volumes = keys(config["Volumes"]);
  facts.health = health_of(config["Healthcheck"]["Test"]);
  facts.user = config["User"].as_string();
  facts.manifest = config["Labels"][image_manifest_label].as_string();
  return facts;
}

std::string name_of_image(const std::string& image) {
  std::string_view part = std::string_view(image).substr(0, image.find('@'));
  part = part.substr(part.rfind('/') + 1);
  part = part.substr(0, part.find(':'));
  std::string name;
  for (const char c : part) {
    const bool letter = c >= 'a' && c <= 'z';
    const bool digit = c >= '0' && c <= '9';
    if (name.empty() && !letter) continue;
    name += letter || digit ? c : '-';
  }
  name.resize(std::min(name.size(), name_max));
  name.erase(name.find_last_not_of('-') + 1);
  return name.empty() ? "app" : name;
}

std::string adoption(const std::string& image, const ImageFacts& facts,
                     const std::optional<ImageText>& source) {
  const ImageManifest manifest = source ? parse_image_manifest(*source) : ImageManifest();
  const std::string& said = manifest.document.value["name"].as_string();
  const std::string name = manifest.errors.empty() && is_name(said) ? said : name_of_image(image);
  return "name: " + scalar(name) + "\nimage: " + scalar(image) + "\n" +
         (source ? own_manifest(*source, manifest) : "") + hints(facts);
}

}  // namespace fairlead
