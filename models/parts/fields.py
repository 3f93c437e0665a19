"""Categorical fields to vectors: the codes of an atom or of a bond."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from chem.errors import InputError
from models.parts.dropout import keep_mask


class FieldEmbedding(nn.Module):
    """Sum of one embedding per categorical field.

    The atoms of a batch are of few kinds and its bonds of fewer, so each distinct row of codes is embedded once.

    Parameters
    ----------
    cardinalities
        Codes of each field; code 0 is the unknown bucket.
    dim
        Size of the result.
    dropout
        Chance that a field of a row is read as unknown in training, so that the unknown bucket is trained.

    Raises
    ------
    InputError
        The fields have more combinations than a 64-bit number can count.

    Shapes
    ------
    codes : (n_rows, n_fields)
    result : (n_rows, dim)

    Examples
    --------
    >>> bonds = FieldEmbedding([3, 2], dim=4)
    >>> bonds(torch.tensor([[1, 1], [2, 0], [1, 1]])).shape
    torch.Size([3, 4])
    >>> kinds, kind = bonds.eval().distinct(torch.tensor([[1, 1], [2, 0], [1, 1]]))
    >>> kinds.shape, kind.tolist()
    (torch.Size([2, 4]), [1, 0, 1])
    """

    def __init__(self, cardinalities: Sequence[int], dim: int, dropout: float = 0.01) -> None:
        super().__init__()
        if prod(cardinalities) >= 2**63:
            raise InputError(
                f"{prod(cardinalities):.1e} combinations of codes",
                field="cardinalities",
                expected="fewer than 2 to the power of 63",
                hint="embed the fields in two groups and add the vectors",
            )
        self.cardinalities: Tensor
        self.starts: Tensor
        self.strides: Tensor
        self.tables = nn.Embedding(sum(cardinalities), dim)
        self.dropout = dropout
        self.register_buffer("cardinalities", torch.tensor(list(cardinalities)), persistent=False)
        starts = [sum(cardinalities[:k]) for k in range(len(cardinalities))]
        strides = [prod(cardinalities[:k]) for k in range(len(cardinalities))]
        self.register_buffer("starts", torch.tensor(starts), persistent=False)
        self.register_buffer("strides", torch.tensor(strides), persistent=False)

    def distinct(
        self, codes: Int[Tensor, "rows fields"]
    ) -> tuple[Float[Tensor, "kinds dim"], Int[Tensor, " rows"]]:
        """Embed the distinct rows of codes, and tell which of them each row is.

        Raises
        ------
        InputError
            The codes are of another schema: more or fewer fields, or a code that is not below its field's
            cardinality.
        """
        self._refuse_other_schema(codes)
        if self.training and self.dropout > 0:
            codes = codes * keep_mask(codes.shape, self.dropout, codes.device)
        keys, kind = torch.unique((codes * self.strides).sum(dim=1), return_inverse=True)
        kinds = keys[:, None] // self.strides % self.cardinalities
        return nn.functional.embedding_bag(kinds + self.starts, self.tables.weight, mode="sum"), kind

    def _refuse_other_schema(self, codes: Tensor) -> None:
        n_fields = len(self.cardinalities)
        found = ""
        if codes.shape[1] != n_fields:
            found = f"{codes.shape[1]} fields"
        elif (codes >= self.cardinalities).any():
            found = f"code {int(codes.max())}"
        if found:
            raise InputError(
                found,
                field="codes",
                expected=f"{n_fields} fields with codes below {self.cardinalities.tolist()}",
                hint="translate the graphs into the schema of the network (MolecularGraphs.project)",
            )

    def forward(self, codes: Int[Tensor, "rows fields"]) -> Float[Tensor, "rows dim"]:
        """Embed each row of codes."""
        kinds, kind = self.distinct(codes)
        return kinds.index_select(0, kind)
