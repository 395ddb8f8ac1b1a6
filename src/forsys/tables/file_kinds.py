"""What a file is that is not the table its name says, told from its first bytes."""

HEAD = 4096  # bytes that tell the kind

# First bytes -> what the file is, and what to do. {name} is the name of the table with its ending .csv.
SIGNATURES: dict[bytes, tuple[str, str]] = {
    b"PK\x03\x04": ("a ZIP archive", "Rename it to {name}.zip, or unpack it."),
    b"\x1f\x8b": ("a gzip file", "Rename it to {name}.gz, or unpack it."),
    b"PAR1": ("a Parquet file", "Give its name the ending .parquet instead of .csv."),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "Open it and save the sheet as CSV UTF-8 (comma delimited)."),
    b"BZh": ("a bzip2 file", "Unpack it."),
    b"\xfd7zXZ": ("an xz file", "Unpack it."),
    b"7z\xbc\xaf": ("a 7-Zip archive", "Unpack it."),
    b"Rar!": ("a RAR archive", "Unpack it."),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file", "Unpack it."),
    b"%PDF": ("a PDF document", "Take the table itself, as CSV."),
    b"SQLite format 3": ("an SQLite database", "Export the table as CSV."),
    b"\x89PNG": ("a picture", "Take the table itself."),
    b"\xff\xd8\xff": ("a picture", "Take the table itself."),
    b"version https://git-lfs": ("a pointer of Git LFS, not the file itself", "Fetch the file: git lfs pull."),
}
WORKBOOK = ("an Excel workbook", "Open it and save the sheet as CSV UTF-8 (comma delimited).")
OFFICE_PARTS = (b"[Content_Types].xml", b"xl/", b"docProps/", b"_rels/", b"mimetypeapplication/vnd.oasis")
TEXTS: dict[bytes, tuple[str, str]] = {
    b"<!doctype": ("a web page (HTML)", "Download the table again while logged in."),
    b"<html": ("a web page (HTML)", "Download the table again while logged in."),
    b"<head": ("a web page (HTML)", "Download the table again while logged in."),
    b"<?xml": ("an XML document", "Export the table as CSV."),
    b"<": ("a web page or XML document", "Download the table again while logged in, as CSV."),
    b"{": ("a JSON document", "Convert the table to CSV, or download it again while logged in."),
    b"[": ("a JSON document", "Convert the table to CSV, or download it again while logged in."),
}
MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}  # byte order marks, the longer ones first


def foreign_kind(head: bytes) -> tuple[str, str] | None:
    """What the file with these first bytes is, and what to do; None where it may be a CSV table."""
    if head.startswith(b"PK\x03\x04") and head[30:].startswith(OFFICE_PARTS):
        return WORKBOOK
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    kinds = [SIGNATURES[start] for start in SIGNATURES if head.startswith(start)]
    kinds += [TEXTS[start] for start in TEXTS if text.startswith(start)]
    if kinds:
        return kinds[0]
    if b"\0" in head and encoding_of(head) == "utf-8":
        if {0} in (set(head[::2]), set(head[1::2])):
            return "UTF-16 without a byte order mark", "Save it as UTF-8."
        return "not a text", "It holds bytes of 0: it is damaged or no table. Fetch it again."
    return None


def encoding_of(head: bytes) -> str:
    """The encoding that the byte order mark tells; UTF-8 where there is none."""
    return next((encoding for mark, encoding in MARKS.items() if head.startswith(mark)), "utf-8")
