#include "reconciler/cli/images.h"

#include <algorithm>

#include "reconciler/cli/print.h"
#include "reconciler/units.h"

namespace fairlead::cli {
namespace {

std::string tag_lines(const Json& tags) {
  std::size_t width = 0;
  for (const Json& item : tags.items()) width = std::max(width, item["tag"].as_string().size());
  std::string text;
  for (const Json& item : tags.items()) {
    const std::string& tag = item["tag"].as_string();
    const std::string& state = item["state"].as_string();
    text += "  " + tag;
    if (!state.empty()) text += std::string(width - tag.size() + 2, ' ') + plain(state);
    text += "\n";
  }
  return text;
}

}  // namespace

std::string images_text(const Json& images) {
  std::string text = "image:    " + images["image"].as_string() + "\n";
  text +=
      "follows:  " + (images["track"].is_null() ? "nothing" : images["track"].as_string()) + "\n";
  text += "uses:     " + images["uses"].as_string() + ", " + images["health"].as_string() + "\n";
  if (images.has("asked_seconds_ago")) {
    const std::chrono::seconds age(images["asked_seconds_ago"].as_int());
    text += "as of:    " + (age.count() < 1 ? "now" : format_duration(age) + " ago") + "\n";
  }
  const std::string& error = images["error"].as_string();
  if (!error.empty()) text += "trouble:  " + plain(error) + "\n";
  const Json& tags = images["tags"];
  if (tags.empty()) return text;
  const auto total = images["tags_total"].as_int();
  const auto shown = static_cast<std::int64_t>(tags.items().size());
  text += "\ntags, newest first:\n" + tag_lines(tags);
  if (total > shown) text += "  … and " + std::to_string(total - shown) + " more\n";
  return text;
}

}  // namespace fairlead::cli
