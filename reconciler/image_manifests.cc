#include "reconciler/image_manifests.h"

#include <algorithm>
#include <utility>

#include "reconciler/json.h"

namespace fairlead {
namespace {

constexpr int schema = 1;
// An update that fails goes back to the image before.
constexpr std::size_t images_kept = 3;

}  // namespace

void ImageManifests::restore(const std::string& app, std::string_view text) {
  const Result<Json> json = Json::parse(text);
  if (!json || (*json)["schema"].as_int() != schema) return;
  for (const Json& item : (*json)["images"].items()) {
    const std::string& image = item["image"].as_string();
    const std::string& id = item["id"].as_string();
    if (image.empty() || id.empty() || apps_[app].size() == images_kept) continue;
    apps_[app].push_back({image, id,
                          shared(id, {item["place"].as_string(), item["text"].as_string(),
                                      item["error"].as_string()})});
  }
}

void ImageManifests::want(const std::string& app, const std::string& image) {
  if (const Known* held = find(app, image)) return put_first(app, *held);
  for (const auto& [other, images] : apps_) {
    for (const Known& known : images) {
      if (known.image == image && !known.id.empty()) return put_first(app, Known(known));
    }
  }
}

void ImageManifests::forget(const std::string& app) {
  apps_.erase(app);
  std::erase_if(by_id_, [](const auto& entry) { return entry.second.expired(); });
}

const ImageContent* ImageManifests::of(const std::string& app, const std::string& image) const {
  const Known* held = find(app, image);
  return held && !held->id.empty() ? held->content.get() : nullptr;
}

const ImageContent* ImageManifests::latest(const std::string& app) const {
  const auto found = apps_.find(app);
  return found == apps_.end() || found->second.empty() ? nullptr
                                                       : found->second.front().content.get();
}

bool ImageManifests::knows(const std::string& id) const {
  const auto found = by_id_.find(id);
  return found != by_id_.end() && !found->second.expired();
}

bool ImageManifests::take(const std::string& app, const ImageLook& look) {
  const Known* held = find(app, look.image);
  if (look.id.empty() || (held && held->id == look.id)) return false;
  if (look.content || knows(look.id)) {
    put_first(app, {look.image, look.id, shared(look.id, look.content.value_or(ImageContent()))});
    return true;
  }
  if (!held || held->id.empty()) return false;
  put_first(app, {held->image, "", held->content});
  return true;
}

std::string ImageManifests::encode(const std::string& app) const {
  const auto found = apps_.find(app);
  Json images = Json::array();
  if (found == apps_.end()) return "";
  for (const Known& known : found->second) {
    if (known.id.empty()) continue;
    images.push(Json::object({{"image", known.image},
                              {"id", known.id},
                              {"place", known.content->place},
                              {"text", known.content->text},
                              {"error", known.content->error}}));
  }
  if (images.empty()) return "";
  return Json::object({{"schema", schema}, {"images", images}}).pretty() + "\n";
}

const ImageManifests::Known* ImageManifests::find(const std::string& app,
                                                  const std::string& image) const {
  const auto found = apps_.find(app);
  if (found == apps_.end()) return nullptr;
  const auto& images = found->second;
  const auto held = std::find_if(images.begin(), images.end(),
                                 [&](const Known& known) { return known.image == image; });
  return held == images.end() ? nullptr : &*held;
}

void ImageManifests::put_first(const std::string& app, Known known) {
  auto& images = apps_[app];
  std::erase_if(images, [&](const Known& held) { return held.image == known.image; });
  images.insert(images.begin(), std::move(known));
  if (images.size() > images_kept) images.pop_back();
}

ImageManifests::Shared ImageManifests::shared(const std::string& id, const ImageContent& content) {
  auto& held = by_id_[id];
  Shared known = held.lock();
  if (!known) held = known = std::make_shared<const ImageContent>(content);
  return known;
}

}  // namespace fairlead
