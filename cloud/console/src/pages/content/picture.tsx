import { Button, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { uploadPicture } from "../../api/client.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";

interface PictureProps {
  image: string | null;
  alt: string;
  onImage: (sha256: string | null, href: string | null) => void;
  onAlt: (alt: string) => void;
}

/** The item's picture: it travels by reference, with the hash of its bytes. */
export function Picture({ image, alt, onImage, onAlt }: PictureProps) {
  const adding = useMutation({
    mutationFn: (file: Blob) => uploadPicture<{ sha256: string; href: string }>("/api/v1/content/media", file),
    onSuccess: ({ sha256, href }) => onImage(sha256, new URL(href).pathname + new URL(href).search),
  });
  return (
    <div className={page["form"]}>
      <label>
        <span className={page["note"]}>Picture: JPEG, PNG or WebP, at most 2 MiB</span>
        <input
          type="file"
          accept="image/jpeg,image/png,image/webp"
          style={{ display: "block", minHeight: 44, maxWidth: "100%" }}
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file !== undefined) adding.mutate(file);
          }}
        />
      </label>
      {adding.error !== null && <Notice error={adding.error} />}
      {image !== null && (
        <>
          <TextInput
            label="What it shows, in this language"
            description="For those who do not see it"
            value={alt}
            onChange={(event) => onAlt(event.currentTarget.value)}
          />
          <div className={page["actions"]}>
            <Button variant="default" onClick={() => onImage(null, null)}>
              Take the picture out
            </Button>
          </div>
        </>
      )}
    </div>
  );
}
