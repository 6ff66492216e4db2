#include "reconciler/image_manifests.h"

#include <doctest/doctest.h>

using namespace fairlead;

namespace {

const std::string one = "sha256:1111";
const std::string two = "sha256:2222";

ImageLook read(const std::string& image, const std::string& id, const std::string& text) {
  return {image, id, ImageContent{"/cloud_manifest.yml", text, ""}};
}
ImageLook seen(const std::string& image, const std::string& id) { return {image, id, {}}; }

std::string said(const ImageManifests& images, const std::string& app, const std::string& image) {
  const ImageContent* content = images.of(app, image);
  return content ? content->text : "unknown";
}

}  // namespace

TEST_CASE("what was read of an image is known of its app, and by the image's id") {
  ImageManifests images;
  images.want("blog", "acme/blog:1");
  CHECK(said(images, "blog", "acme/blog:1") == "unknown");
  CHECK_FALSE(images.take("blog", seen("acme/blog:1", one)));
  CHECK_FALSE(images.take("blog", read("acme/blog:1", "", "nothing has no id")));
  CHECK(images.take("blog", read("acme/blog:1", one, "A")));
  CHECK_FALSE(images.take("blog", read("acme/blog:1", one, "A")));
  CHECK(said(images, "blog", "acme/blog:1") == "A");
  CHECK(images.knows(one));
  CHECK_FALSE(images.knows(two));
}

TEST_CASE("another app of the id needs no reading, one of the reference not even a look") {
  ImageManifests images;
  images.take("blog", read("acme/blog:1", one, "A"));
  CHECK(images.take("shop", seen("acme/blog:stable", one)));
  CHECK(said(images, "shop", "acme/blog:stable") == "A");
  images.want("mill", "acme/blog:1");
  CHECK(said(images, "mill", "acme/blog:1") == "A");
  CHECK(said(images, "mill", "acme/blog:2") == "unknown");
}

TEST_CASE("a reference that stands for another id is to be read again") {
  ImageManifests images;
  images.take("blog", read("acme/blog:1", one, "A"));
  images.want("shop", "acme/blog:1");
  CHECK(images.take("blog", seen("acme/blog:1", two)));
  CHECK(said(images, "blog", "acme/blog:1") == "unknown");
  CHECK(images.latest("blog")->text == "A");
  // What runs of the other app is of the image before.
  CHECK(said(images, "shop", "acme/blog:1") == "A");
  CHECK_FALSE(images.take("blog", seen("acme/blog:1", two)));
  CHECK(images.take("blog", read("acme/blog:1", two, "B")));
  CHECK(said(images, "blog", "acme/blog:1") == "B");
}

TEST_CASE("of the images before it only the last ones are kept") {
  ImageManifests images;
  for (const char* tag : {"1", "2", "3", "4"}) {
    const std::string image = std::string("acme/blog:") + tag;
    images.take("blog", read(image, std::string("sha256:") + tag, tag));
  }
  CHECK(said(images, "blog", "acme/blog:2") == "2");
  CHECK(said(images, "blog", "acme/blog:1") == "unknown");
  CHECK_FALSE(images.knows("sha256:1"));
  images.want("blog", "acme/blog:2");
  images.take("blog", read("acme/blog:5", "sha256:5", "5"));
  CHECK(said(images, "blog", "acme/blog:2") == "2");
  CHECK(said(images, "blog", "acme/blog:3") == "unknown");
}

TEST_CASE("what is saved is known again, and damage is as nothing") {
  ImageManifests images;
  images.take("blog", read("acme/blog:1", one, "A: \"é\"\n"));
  images.take("blog", {"acme/blog:2", two, ImageContent{"", "", "/cloud_manifest.yml: a link"}});
  const std::string text = images.encode("blog");
  ImageManifests again;
  again.restore("blog", text);
  CHECK(again.encode("blog") == text);
  CHECK(said(again, "blog", "acme/blog:1") == "A: \"é\"\n");
  CHECK(again.latest("blog")->error == "/cloud_manifest.yml: a link");
  CHECK(again.knows(one));
  for (const char* bad :
       {"", "[]", "{\"schema\":2}", "{\"schema\":1,\"images\":[{\"image\":\"a\"}]}",
        "{\"schema\":1,\"images\":7}"}) {
    ImageManifests none;
    none.restore("blog", bad);
    CHECK(none.encode("blog").empty());
    CHECK(none.latest("blog") == nullptr);
  }
}

TEST_CASE("of an app that is forgotten nothing is left, unless another one shares it") {
  ImageManifests images;
  images.take("blog", read("acme/blog:1", one, "A"));
  images.want("shop", "acme/blog:1");
  images.forget("blog");
  CHECK(images.encode("blog").empty());
  CHECK(images.knows(one));
  images.forget("shop");
  CHECK_FALSE(images.knows(one));
}

TEST_CASE("what no longer stands for its reference is not saved") {
  ImageManifests images;
  images.take("blog", read("acme/blog:1", one, "A"));
  images.take("blog", seen("acme/blog:1", two));
  CHECK(images.encode("blog").empty());
}
